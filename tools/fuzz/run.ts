import { type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import fc from 'fast-check';
import { ATTRIBUTES } from '../../core/names';
import { itemKey } from '../../core/transactions/row-store';
import { complaintAbout, sameItem } from './oracle';
import { type Journey, type Parts, REAL_PARTS, store, travel } from './pipeline';
import { type FuzzCase, fuzzCases } from './queries';

export interface FuzzOptions {
  readonly runs: number;
  readonly seed: number;
  /** Interval of the lines that are written through the real store and read back. 0: none. */
  readonly storeEvery: number;
  readonly table?: { readonly client: DynamoDBClient; readonly name: string };
  readonly parts?: Parts;
  readonly onProgress?: (done: Tally) => void;
  readonly signal?: AbortSignal;
}

export interface Tally {
  readonly runs: number;
  readonly stored: number;
  /** Query strings by what became of them: a row, a probe, or the reason of a rejection. */
  readonly outcomes: ReadonlyMap<string, number>;
}

export interface Finding {
  /** Reduced as far as possible. */
  readonly case: FuzzCase;
  readonly complaint: string;
  /** Reproduces it: `--seed`. */
  readonly seed: number;
}

const CHUNK = 10_000;

/** Sends generated query strings through the parts until one arrives wrongly. */
export async function fuzz(
  options: FuzzOptions,
): Promise<{ readonly tally: Tally; readonly finding?: Finding }> {
  const outcomes = new Map<string, number>();
  let runs = 0;
  let stored = 0;
  const property = fc.asyncProperty(fuzzCases, async (fuzzCase) => {
    const journey = await travel(fuzzCase, options.parts ?? REAL_PARTS);
    const complaint = complaintAbout(journey);
    if (complaint !== undefined) throw new Error(complaint);
    const { decision } = journey;
    const outcome = decision.kind === 'rejected' ? decision.reason : decision.kind;
    const count = (outcomes.get(outcome) ?? 0) + 1;
    outcomes.set(outcome, count);
    if (
      decision.kind !== 'line' ||
      options.table === undefined ||
      options.storeEvery === 0 ||
      count % options.storeEvery !== 0
    )
      return;
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
      if (fuzzCase === undefined)
        throw new Error('a failure without a case', { cause: result.errorInstance });
      const { errorInstance } = result;
      return {
        tally: tally(),
        finding: {
          case: fuzzCase,
          complaint: errorInstance instanceof Error ? errorInstance.message : String(errorInstance),
          seed,
        },
      };
    }
    options.onProgress?.(tally());
  }
  return { tally: tally() };
}

/** The row is in the table as it was made, and a second delivery changes nothing. */
async function expectStored(
  { decision, item }: Journey,
  { client, name }: NonNullable<FuzzOptions['table']>,
): Promise<void> {
  if (decision.kind !== 'line' || item === undefined) return;
  const [first, second] = await store(client, name, decision);
  if (second !== 'duplicate') throw new Error(`the second delivery was ${second}`);
  // Another case may have written under the same key.
  if (first !== 'stored') return;
  const { Item } = await client.send(
    new GetItemCommand({ TableName: name, Key: itemKey(decision.key), ConsistentRead: true }),
  );
  const { [ATTRIBUTES.updatedAt]: updatedAt, ...row } = Item ?? {};
  if (updatedAt === undefined || !sameItem(row, item))
    throw new Error('the table returns another row than was written');
}
