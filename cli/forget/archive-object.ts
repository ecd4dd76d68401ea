import { pipeline, Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { createGunzip } from 'node:zlib';
import type { ArchivedQuery } from '../../core/archive/record-of-member';

/** Firehose accepts no longer record. A longer line is no record, and may not fill the memory. */
const MAX_LINE_CHARACTERS = 1024 * 1024;
const GZIP = Buffer.from([0x1f, 0x8b]);

/** A line of an object. Without a record it is none that the archive writes. */
export interface ArchivedLine {
  /** From 1. */
  readonly number: number;
  readonly record?: ArchivedQuery;
}

/**
 * The lines of an object, gzipped or not, except empty ones. Throws if the object cannot be read to
 * its end.
 */
export async function* archivedLines(body: Readable): AsyncGenerator<ArchivedLine> {
  let number = 0;
  try {
    for await (const line of linesOf(decompressed(body))) {
      number += 1;
      if (line.trim() !== '') yield { number, record: parseRecord(line) };
    }
  } finally {
    // Frees the connection where an object was not read to its end.
    body.destroy();
  }
}

function parseRecord(line: string): ArchivedQuery | undefined {
  try {
    const { source, line_id, query } = JSON.parse(line) as Record<string, unknown>;
    if (typeof source !== 'string' || typeof query !== 'string') return undefined;
    return line_id === undefined || typeof line_id === 'string'
      ? { source, line_id, query }
      : undefined;
  } catch {
    return undefined;
  }
}

async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of chunks) {
    const [first = '', ...more] = decoder.write(chunk).split('\n');
    rest += first;
    for (const next of more) {
      yield rest;
      rest = next;
    }
    if (rest.length > MAX_LINE_CHARACTERS) throw new Error('a line is longer than a record can be');
  }
  yield rest + decoder.end();
}

/** The content, decompressed if it begins as gzip does. */
async function* decompressed(body: Readable): AsyncGenerator<Buffer> {
  const chunks: AsyncIterator<Buffer> = body[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  while (head.length < GZIP.length) {
    const { done, value } = await chunks.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  async function* whole(): AsyncGenerator<Buffer> {
    for (let chunk = head; ; ) {
      yield chunk;
      const { done, value } = await chunks.next();
      if (done === true) return;
      chunk = value;
    }
  }
  if (!head.subarray(0, GZIP.length).equals(GZIP)) return yield* whole();
  const gunzip = createGunzip();
  // An error of the source destroys the stream, which then throws it.
  pipeline(Readable.from(whole()), gunzip, () => {});
  yield* gunzip;
}
