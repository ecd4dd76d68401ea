/** Calls that can be done in part, with the answer that says so. */

type Document = Record<string, unknown>;
interface Batch {
  /** The request for the first half; undefined when nothing of it is left to ask for. */
  readonly first: (asked: Document) => Document | undefined;
  /** The answer to the whole request, given that to the first half. */
  readonly answer: (asked: Document, answered: Document) => Document;
}

const listOf = <T>(asked: Document, name: string): T[] => (asked[name] ?? []) as T[];
const halfOf = (length: number): number => Math.floor(length / 2);

/** A batch whose entries are in the list of this name. */
const ofList = (
  name: string,
  answer: (answered: Document, left: { Id?: string }[]) => Document,
): Batch => ({
  first: (asked) => {
    const entries = listOf(asked, name);
    return entries.length < 2
      ? undefined
      : { ...asked, [name]: entries.slice(0, halfOf(entries.length)) };
  },
  answer: (asked, answered) => {
    const entries = listOf<{ Id?: string }>(asked, name);
    return answer(answered, entries.slice(halfOf(entries.length)));
  },
});

const FAILED = { ErrorCode: 'InternalFailure', ErrorMessage: 'a fault on purpose' };

interface KeysOfTable {
  readonly Keys: unknown[];
}
const onlyTable = (asked: Document): [string, KeysOfTable] =>
  Object.entries(asked.RequestItems as Record<string, KeysOfTable>)[0] ?? ['', { Keys: [] }];

const BATCHES: Readonly<Record<string, Batch>> = {
  'sqs SendMessageBatch': ofList('Entries', ({ Successful = [] }, left) => ({
    Successful,
    Failed: left.map(({ Id }) => ({ Id, Code: 'InternalError', SenderFault: false })),
  })),
  'events PutEvents': ofList('Entries', (answered, left) => ({
    FailedEntryCount: left.length,
    Entries: [...listOf(answered, 'Entries'), ...left.map(() => FAILED)],
  })),
  'firehose PutRecordBatch': ofList('Records', (answered, left) => ({
    FailedPutCount: left.length,
    RequestResponses: [...listOf(answered, 'RequestResponses'), ...left.map(() => FAILED)],
  })),
  'dynamodb BatchGetItem': {
    first: (asked) => {
      const [table, request] = onlyTable(asked);
      const Keys = request.Keys.slice(0, halfOf(request.Keys.length));
      return Keys.length === 0
        ? undefined
        : { ...asked, RequestItems: { [table]: { ...request, Keys } } };
    },
    answer: (asked, { Responses = {} }) => {
      const [table, request] = onlyTable(asked);
      return {
        Responses,
        UnprocessedKeys: {
          [table]: { ...request, Keys: request.Keys.slice(halfOf(request.Keys.length)) },
        },
      };
    },
  },
};

const batchOf = (call: string): Batch | undefined => BATCHES[call.replace(/ \(.*\)$/, '')];
export const isBatch = (call: string): boolean => batchOf(call) !== undefined;

/** Does the first half of what is asked; of the rest the answer says that it was not done. */
export async function doHalf(
  call: string,
  body: string,
  forward: (body: string) => Promise<string>,
): Promise<string> {
  const batch = batchOf(call);
  if (batch === undefined) throw new Error(`${call} is no batch`);
  const asked = JSON.parse(body) as Document;
  const first = batch.first(asked);
  const answered =
    first === undefined ? {} : (JSON.parse(await forward(JSON.stringify(first))) as Document);
  return JSON.stringify(batch.answer(asked, answered));
}
