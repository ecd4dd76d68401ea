import { type EventsRecord, isTransaction } from '../rakuten/events';
import { writeEventsApiMessage } from '../rakuten/message';
import type { Item } from '../store/attributes';
import { type RowKey, rowKey } from '../store/keys';
import type { DeliveredLine } from '../store/merge';
import { type Comparison, compare } from './compare';
import { addCounts, type Counts, countComparisons, NO_COUNTS } from './counts';
import { eventsApiLine, recordParameters } from './line';
import type { ComparisonPorts } from './ports';
import type { SeenLines } from './seen-lines';

/** Whose lines are compared, by which run. */
export interface RunIdentity {
  readonly sid: string;
  readonly runId: string;
}

/** Compares the lines of a page with their rows and sends those that would change the table. Resolves when they are in the queue. */
export async function comparePage(
  records: readonly EventsRecord[],
  { sid, runId }: RunIdentity,
  { rows, send, now, onComparison }: ComparisonPorts,
  seen: SeenLines,
): Promise<Counts> {
  const receivedAt = new Date(now()).toISOString();
  const delivered = records.filter(isTransaction).map((record) => {
    const message = { sid, receivedAt, requestId: runId, parameters: recordParameters(record) };
    return { message, line: eventsApiLine(message) };
  });
  // A token that was made by hand may be good for several publishers; each has its own runs.
  const own = delivered.filter(({ line }) => line.fields.sid === sid);
  const fresh = own.filter(({ line }) => seen.isNew(line));
  const comparisons = await compareLines(
    fresh.map(({ line }) => line),
    rows,
  );
  const compared = fresh.flatMap(({ message }, index) => {
    const comparison = comparisons[index];
    return comparison === undefined ? [] : [{ message, comparison }];
  });
  for (const { comparison } of compared) if (comparison.standing !== 'same') onComparison?.(comparison);
  const changing = compared.filter(({ comparison }) => comparison.changesTable);
  if (send !== undefined) await send(changing.map(({ message }) => writeEventsApiMessage(message)));
  const counts = countComparisons(compared.map(({ comparison }) => comparison));
  return addCounts(counts, { ...NO_COUNTS, sent: send === undefined ? 0 : changing.length, ofOthers: delivered.length - own.length });
}

/** Compares each line with its row. A record may stand on a page twice; its row is read once. */
async function compareLines(lines: readonly DeliveredLine[], rows: ComparisonPorts['rows']): Promise<Comparison[]> {
  const keys = new Map<string, RowKey>(lines.map((line) => [keyText(line), keyOf(line)]));
  const read = await rows.read([...keys.values()]);
  const byKey = new Map<string, Item | undefined>([...keys.keys()].map((text, index) => [text, read[index]]));
  const comparisons: Comparison[] = [];
  for (const line of lines) {
    const comparison = compare(line, byKey.get(keyText(line)));
    const isElsewhere = comparison.standing === 'missing' && (await standsUnnamed(line, rows));
    comparisons.push(isElsewhere ? { ...comparison, standing: 'same', changesTable: false } : comparison);
  }
  return comparisons;
}

const keyOf = ({ fields, problems }: DeliveredLine): RowKey => rowKey(fields, problems);

const keyText = (line: DeliveredLine): string => {
  const { orderKey, lineKey } = keyOf(line);
  return `${lineKey} ${orderKey}`;
};

/**
 * Whether a line that has no `etransaction_id` stands under another key. Its key is made of its content, and a postback tells that in other words (times with
 * milliseconds), so the rows of its order are looked through for one that says the same. Such a row cannot be confirmed.
 */
async function standsUnnamed(line: DeliveredLine, rows: ComparisonPorts['rows']): Promise<boolean> {
  if (line.fields.etransaction_id !== undefined || line.fields.order_id === undefined) return false;
  const candidates = await rows.readUnnamed(keyOf(line).orderKey);
  return candidates.some((row) => compare(line, row).differences.length === 0);
}
