import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
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
}

/** Writes text and waits where the reader is slower than we are. */
export async function write(stream: Writable, text: string): Promise<void> {
  if (!stream.write(text)) await once(stream, 'drain');
}

export const writeLine = (stream: Writable, text: string): Promise<void> => write(stream, `${text}\n`);

/** Writes text in lines that fit the terminal. A pipe gets one line. */
export async function writeText(stream: OutputStream, text: string, paint = (line: string) => line): Promise<void> {
  for (const line of wrap(text, stream.columns ?? Number.POSITIVE_INFINITY)) await writeLine(stream, paint(line));
}

/** Whether to colour what goes to this stream: https://no-color.org. */
export function isColoured(stream: OutputStream, env: Terminal['env']): boolean {
  if ((env.NO_COLOR ?? '') !== '') return false;
  return (env.FORCE_COLOR ?? '') !== '' || stream.isTTY === true;
}

/** Text from outside as it can be shown: a control character in a product name must not move the cursor or paint the screen. */
export const visible = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ');
