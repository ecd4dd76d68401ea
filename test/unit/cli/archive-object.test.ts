import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { type ArchivedLine, archivedLines } from '../../../cli/forget/archive-object';

const RECORD = { source: 'push', line_id: '3900112#A1', query: 'u1=ana+müller' };
const LINE = JSON.stringify(RECORD);

async function read(chunks: readonly (string | Buffer)[]): Promise<ArchivedLine[]> {
  const lines: ArchivedLine[] = [];
  const body = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
  for await (const line of archivedLines(body)) lines.push(line);
  return lines;
}
const bytesOf = (content: Buffer): Buffer[] => [...content].map((byte) => Buffer.from([byte]));
const text = `${LINE}\n\nno JSON\n${LINE}`;
const expected = [{ number: 1, record: RECORD }, { number: 3 }, { number: 4, record: RECORD }];

it.each([
  ['plain', Buffer.from(text)],
  ['gzipped', gzipSync(text)],
  ['gzipped in two parts', Buffer.concat([gzipSync(text.slice(0, 20)), gzipSync(text.slice(20))])],
])('reads a %s object, whole and byte by byte', async (_, content) => {
  expect(await read([content])).toEqual(expected);
  expect(await read(bytesOf(content))).toEqual(expected);
});

it('reads nothing from an empty object, and one byte', async () => {
  expect(await read([])).toEqual([]);
  expect(await read(['{'])).toEqual([{ number: 1 }]);
});

it.each([
  '{}',
  'null',
  '[]',
  '"text"',
  '{"source":"push"}',
  '{"source":"push","query":"u1=1","line_id":1}',
])('returns no record for %s', async (line) => {
  expect(await read([line])).toEqual([{ number: 1 }]);
});

it.each([
  ['is cut off', gzipSync(text).subarray(0, 40), 'unexpected end of file'],
  [
    'is damaged',
    Buffer.concat([gzipSync('').subarray(0, 10), Buffer.from('????')]),
    /invalid|incorrect/,
  ],
  [
    'continues with something else',
    Buffer.concat([gzipSync(text), Buffer.from(LINE)]),
    'incorrect header check',
  ],
  ['has a longer line than a record', Buffer.alloc(3 * 1024 * 1024, 'x'), 'longer than a record'],
])('throws if the object %s', async (_, content, message) => {
  await expect(read([content])).rejects.toThrow(message);
});

it('passes on the error of a connection that breaks, and frees the connection', async () => {
  async function* broken(): AsyncGenerator<Buffer> {
    yield gzipSync(text).subarray(0, 30);
    throw new Error('aborted');
  }
  const body = Readable.from(broken());
  const reading = (async () => {
    for await (const _ of archivedLines(body));
  })();
  await expect(reading).rejects.toThrow('aborted');
  expect(body.destroyed).toBe(true);
});
