import { ATTRIBUTES } from '../names';
import { type EventsRecord, isTransaction } from '../rakuten/events';
import { type EventsApiMessage, writeEventsApiMessage } from '../rakuten/message';
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
  const compared = await compareLines(fresh, rows);
  for (const { comparison } of compared) if (comparison.standing !== 'same') onComparison?.(comparison);
  const changing = compared.filter(({ comparison }) => comparison.changesTable);
  if (send !== undefined) await send(changing.map(({ message }) => writeEventsApiMessage(message)));
  const counts = countComparisons(compared.map(({ comparison }) => comparison));
  return addCounts(counts, { ...NO_COUNTS, sent: send === undefined ? 0 : changing.length, ofOthers: delivered.length - own.length });
}

/** A line that Rakuten tells, and the message that brings it to the consumer. */
interface Told {
  readonly message: EventsApiMessage;
  readonly line: DeliveredLine;
}

/** A line that was compared, and the message to send if it would change the table. */
interface Compared {
  readonly message: EventsApiMessage;
  readonly comparison: Comparison;
}

/** Compares each line with its row. A record may stand on a page twice; its row is read once. */
async function compareLines(told: readonly Told[], rows: ComparisonPorts['rows']): Promise<Compared[]> {
  const keys = new Map<string, RowKey>(told.map(({ line }) => [keyText(line), keyOf(line)]));
  const read = await rows.read([...keys.values()]);
  const byKey = new Map<string, Item | undefined>([...keys.keys()].map((text, index) => [text, read[index]]));
  const compared: Compared[] = [];
  for (const one of told) compared.push(await compareLine(one, byKey.get(keyText(one.line)), rows));
  return compared;
}

async function compareLine(told: Told, row: Item | undefined, rows: ComparisonPorts['rows']): Promise<Compared> {
  const { message, line } = told;
  const comparison = compare(line, row);
  if (comparison.standing !== 'missing') return { message, comparison };
  if (await standsUnnamed(line, rows)) return { message, comparison: { ...comparison, standing: 'same', changesTable: false } };
  return (await underOtherOrderId(told, rows)) ?? { message, comparison };
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

/** What comes through a query string as it is, whether it was escaped or not. */
const SAFE_IN_A_QUERY = /^[\w.~/:@,!*()-]+$/;
/** The name under which a row keeps the order id that the Events API tells, where it is not that of the row. */
const TOLD_ORDER_ID = 'events_api_order_id';

/**
 * Finds the row of a line whose order id came otherwise in the postback: whether Rakuten escapes values, and in which charset, is not documented, and unescaped `A+1`
 * comes as `A 1`, `A&1` as `A`. The order is a part of the key, so the line would become a second row. It is told to the row that is there instead.
 */
async function underOtherOrderId({ message, line }: Told, rows: ComparisonPorts['rows']): Promise<Compared | undefined> {
  const { sid, advertiser_id, etransaction_id, order_id } = line.fields;
  if (etransaction_id === undefined || order_id === undefined || SAFE_IN_A_QUERY.test(order_id)) return undefined;
  const { lineKey } = keyOf(line);
  const row = (await rows.readNamed(etransaction_id)).find(
    (found) =>
      found[ATTRIBUTES.receivedAt] !== undefined &&
      found[ATTRIBUTES.lineKey]?.S === lineKey &&
      found.sid?.S === sid &&
      found.advertiser_id?.S === advertiser_id,
  );
  if (row === undefined) return undefined;
  const others = message.parameters.filter(([name]) => name !== 'order_id');
  const parameters = [...others, ['order_id', row.order_id?.S ?? ''], [TOLD_ORDER_ID, order_id]] as const;
  const retold = { ...message, parameters };
  return { message: retold, comparison: compare(eventsApiLine(retold), row) };
}
