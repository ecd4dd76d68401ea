/**
 * Reads the body of an Events API answer. `JSON.parse` alone would send every number through a binary float and change `0.10` or a long id; here numbers
 * become texts with the digits that came. An array of records, an object with `transactions` and a single record are all taken, as Rakuten's
 * description and what it is seen to send differ.
 *
 * Throws a `SyntaxError` when the body is not JSON, and an `Error` when it is JSON of another shape.
 */
export function parseEventsApiBody(body: string): Record<string, unknown>[] {
  // Refuses what is not JSON, so that the replacement below only meets numbers and strings where JSON has them.
  JSON.parse(body);
  const value: unknown = JSON.parse(body.replace(STRING_OR_NUMBER, (token) => (token.startsWith('"') ? token : `"${token}"`)));
  const records: unknown = isRecord(value) ? (value.transactions ?? [value]) : value;
  if (Array.isArray(records) && records.every(isRecord)) return records;
  throw new Error('not an answer of the Events API: expected a JSON array of transactions');
}

const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
