import type { Writable } from 'node:stream';
import { write } from './terminal';

/** Writes values as one JSON array, each as it comes. Returns their number. */
export async function writeJsonArray(
  stream: Writable,
  values: AsyncIterable<unknown>,
): Promise<number> {
  let count = 0;
  for await (const value of values) {
    await write(stream, `${count === 0 ? '[\n' : ',\n'}${JSON.stringify(value)}`);
    count += 1;
  }
  await write(stream, count === 0 ? '[]\n' : '\n]\n');
  return count;
}
