import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { cellText, terminalText } from '../core/terminal-text';
import { wrap } from './text';

/** A stream that may be a terminal. */
export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** Where a run of the command line reads and writes. A test gives its own. */
export interface Terminal {
  readonly stdin: Readable;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder that relative paths and `.local/` are looked up in. */
  readonly directory: string;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly now: () => Date;
  /** Waits. @default - the timer, until Ctrl-C */
  readonly pause?: (millis: number) => Promise<unknown>;
}

/**
 * Writes text, and waits where the reader is slower. The one place where text reaches a stream:
 * control characters of text from outside, such as a parameter name of a forged postback, arrive
 * escaped.
 */
export async function write(stream: Writable, text: string): Promise<void> {
  if (!stream.write(terminalText(text))) await once(stream, 'drain');
}

/** Erases the line that the cursor is in. */
export const eraseLine = (stream: Writable): boolean => stream.write('\r\u001b[K');

export const writeLine = (stream: Writable, text: string): Promise<void> =>
  write(stream, `${text}\n`);

/** Writes text in lines that fit the terminal. A pipe gets one line. */
export async function writeText(
  stream: OutputStream,
  text: string,
  paint = (line: string) => line,
): Promise<void> {
  for (const line of wrap(cellText(text), stream.columns ?? Number.POSITIVE_INFINITY))
    await writeLine(stream, paint(line));
}
