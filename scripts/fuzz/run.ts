import { type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import fc from 'fast-check';
import { rowKey } from '../../core/store/keys';
import { complaintAbout, sameItem } from './oracle';
import { type Journey, type Parts, REAL_PARTS, store, travel } from './pipeline';
import { type FuzzCase, fuzzCases } from './queries';

export interface FuzzOptions {
  readonly runs: number;
  readonly seed: number;
  /** Every so many-th case is written through the real writer and read back. 0: none. */
  readonly storeEvery: number;
  readonly table?: { readonly client: DynamoDBClient; readonly name: string };
  readonly parts?: Parts;
  readonly onProgress?: (done: Tally) => void;
  readonly signal?: AbortSignal;
}

export interface Tally {
  readonly runs: number;
  readonly stored: number;
  /** By what became of the query string: a row, a probe, or why it was none. */
  readonly outcomes: ReadonlyMap<string, number>;
}

export interface Finding {
  /** As small as it could be made. */
  readonly case: FuzzCase;
  readonly complaint: string;
  /** With what to see it again: `--seed`. */
  readonly seed: number;
}

const CHUNK = 10_000;

/** Sends generated query strings on their way until one arrives wrongly or all have arrived. */
export async function fuzz(options: FuzzOptions): Promise<{ readonly tally: Tally; readonly finding?: Finding }> {
  const outcomes = new Map<string, number>();
  let runs = 0;
  let stored = 0;
  const property = fc.asyncProperty(fuzzCases, async (fuzzCase) => {
    const journey = await travel(fuzzCase, options.parts ?? REAL_PARTS);
    const complaint = complaintAbout(journey);
    if (complaint !== undefined) throw new Error(complaint);
    const { decision } = journey;
    const outcome = decision.kind === 'rejected' ? decision.as : decision.kind;
    const count = (outcomes.get(outcome) ?? 0) + 1;
    outcomes.set(outcome, count);
    if (decision.kind !== 'line' || options.table === undefined || options.storeEvery === 0 || count % options.storeEvery !== 0) return;
    await expectStored(journey, options.table);
    stored += 1;
  });
  const tally = (): Tally => ({ runs, stored, outcomes });
  for (let chunk = 0; runs < options.runs && !options.signal?.aborted; chunk += 1) {
    const seed = options.seed + chunk;
    const numRuns = Math.min(CHUNK, options.runs - runs);
    const result = await fc.check(property, { seed, numRuns });
    runs += result.numRuns;
    if (result.failed) {
      const [fuzzCase] = result.counterexample ?? [];
      if (fuzzCase === undefined) throw new Error('a failure without a case', { cause: result.errorInstance });
      const { errorInstance } = result;
      return {
        tally: tally(),
        finding: { case: fuzzCase, complaint: errorInstance instanceof Error ? errorInstance.message : String(errorInstance), seed },
      };
    }
    options.onProgress?.(tally());
  }
  return { tally: tally() };
}

/** The row is in the table as it was made, and a second delivery changes nothing. */
async function expectStored({ decision, item }: Journey, { client, name }: NonNullable<FuzzOptions['table']>): Promise<void> {
  if (decision.kind !== 'line' || item === undefined) return;
  const [first, second] = await store(client, name, decision.line);
  if (second !== 'duplicate') throw new Error(`the second delivery was ${second}`);
  // A case that is drawn again finds its row there already, and another case may have written under the same key.
  if (first !== 'stored') return;
  const { orderKey, lineKey } = rowKey(decision.line.fields, decision.line.problems);
  const { Item } = await client.send(
    new GetItemCommand({ TableName: name, Key: { order_key: { S: orderKey }, line_key: { S: lineKey } }, ConsistentRead: true }),
  );
  if (Item === undefined || !sameItem(Item, item)) throw new Error('the table gives another row back than was written');
}
