import fc from 'fast-check';
import { SOURCES } from '../../core/names';
import { parseEventsApiBody } from '../../core/rakuten/events-json';
import { ALL_FIELDS, type FieldList } from '../../core/rakuten/fields';
import { normalisedQuery, parseMessage } from '../../core/rakuten/message';
import { parseEventsApiRecord, parsePostback } from '../../core/rakuten/parse';
import type { DeliveredLine } from '../../core/store/merge';
import { eventsDate } from '../../local/fake-rakuten/events';
import { messageBody } from './messages';

/** One state of a line at Rakuten. A line that Rakuten corrected had several, under one id. */
export interface Version {
  readonly processedAt: string;
  readonly saleAmount: string;
  readonly commissions: string;
  readonly u1: string;
  readonly productName: string;
}

/** A line of an order, the versions it went through, oldest first. */
export interface Line {
  readonly id: string;
  readonly orderId: string;
  readonly isEvent: 'Y' | 'N';
  readonly orderedAt: string;
  readonly versions: readonly Version[];
}

/** How Rakuten tells a line: by a push of every field, by one under an older and smaller field list, in the Events API, or unreadably. */
export type Telling = 'push' | 'partial push' | 'events-api' | 'garbled push';

/** Something that reaches the consumer: one telling of one version. */
export interface Told {
  readonly line: Line;
  readonly version: Version;
  readonly telling: Telling;
  readonly receivedAt: string;
}

const SID = '3900112';

/** A field list of before: fewer fields, `u1` under another name, a static value. */
const OLDER_FIELDS: FieldList = [
  ...(['is_event', 'etransaction_id', 'sid', 'advertiser_id', 'order_id', 'process_date', 'sale_amount'] as const).map((field) => ({
    name: field,
    field,
  })),
  { name: 'unique_id', field: 'u1' },
  { name: 'list', value: 'older' },
];

/** The line as the consumer reads it from what Rakuten sends. */
export function delivered({ line, version, telling, receivedAt }: Told): DeliveredLine {
  const requestId = `${telling}-${receivedAt}`;
  if (telling === 'events-api') {
    const body = JSON.stringify([eventsRecord(line, version)]);
    const [parsed] = parseEventsApiBody(body).map(parseEventsApiRecord);
    if (parsed === undefined) throw new Error('no record');
    return { ...parsed, fields: { sid: SID, ...parsed.fields }, query: body, requestId, receivedAt, source: SOURCES.eventsApi };
  }
  const list = telling === 'partial push' ? OLDER_FIELDS : ALL_FIELDS;
  const { parameters } = parseMessage(messageBody(postback(line, version, telling, list), { receivedAt, requestId }));
  const parsed = parsePostback(parameters, list);
  const query = normalisedQuery(parameters);
  return { ...parsed, fields: { sid: SID, ...parsed.fields }, query, requestId, receivedAt, source: SOURCES.push };
}

function postback(line: Line, version: Version, telling: Telling, list: FieldList): string {
  const values: Record<string, string> = {
    ...common(line, version),
    transaction_date: line.orderedAt.replace('Z', '+00:00'),
    process_date: version.processedAt.replace('Z', '+00:00'),
    ...(telling === 'garbled push' ? { sale_amount: '1,234.50' } : {}),
  };
  return list.map((p) => `${p.name}=${encodeURIComponent('field' in p ? (values[p.field] ?? '') : p.value)}`).join('&');
}

const eventsRecord = (line: Line, version: Version): Record<string, unknown> => ({
  ...common(line, version),
  advertiser_id: 41207,
  sid: Number(SID),
  // As a program prints a number that it has: without the zeros at the end.
  sale_amount: Number(version.saleAmount),
  commissions: Number(version.commissions),
  transaction_date: eventsDate(line.orderedAt),
  process_date: eventsDate(version.processedAt),
  product_name: `${version.productName} `,
  commissions_list_id: '990412',
  lock_status: null,
});

const common = (line: Line, version: Version): Record<string, string> => ({
  is_event: line.isEvent,
  etransaction_id: line.id,
  sid: SID,
  advertiser_id: '41207',
  order_id: line.orderId,
  offer_id: '881204',
  transaction_type: 'realtime',
  currency: 'USD',
  sale_amount: version.saleAmount,
  commissions: version.commissions,
  quantity: '1',
  sku_number: 'HDPH-210-BK',
  u1: version.u1,
  product_name: version.productName,
});

const START = Date.parse('2026-04-18T09:00:00.000Z');
const time = (minutes: number, millis = 0): string => new Date(START + minutes * 60_000 + millis).toISOString();

/** Orders with events, confirmations, returns and corrections, each told in one or several ways, some of it more than once. In no order. */
export const histories: fc.Arbitrary<Told[]> = fc
  .array(fc.constantFrom('sale', 'event', 'confirmed event', 'returned sale', 'corrected sale', 'twice corrected sale'), {
    minLength: 1,
    maxLength: 4,
  })
  .chain((kinds) => {
    const lines = kinds.flatMap((kind, order) => linesOf(kind, `O-${order}`));
    return fc.tuple(...lines.map(tellings)).map((told) => told.flat());
  })
  .chain((told) => fc.shuffledSubarray([...told, ...told], { minLength: 1 }));

function linesOf(kind: string, orderId: string): Line[] {
  const line = (name: string, isEvent: 'Y' | 'N', ...amounts: [saleAmount: string, commissions: string, day: number][]): Line => ({
    id: `${orderId}-${name}`,
    orderId,
    isEvent,
    orderedAt: time(0),
    versions: amounts.map(([saleAmount, commissions, day], i) => ({
      processedAt: time(10 + day * 1440, i * 37),
      saleAmount,
      commissions,
      u1: i === 2 ? 'm_2' : 'm_1',
      productName: i === 1 ? 'Kopfhörer & Co' : 'Kopfhörer',
    })),
  });
  const sale = line('S', 'N', ['129.90', '6.495', 0]);
  switch (kind) {
    case 'event':
      return [line('E', 'Y', ['129.90', '0', 0])];
    case 'confirmed event':
      return [line('E', 'Y', ['129.90', '0', 0]), line('C', 'N', ['129.90', '6.495', 12])];
    case 'returned sale':
      return [sale, line('R', 'N', ['-129.90', '-6.495', 14])];
    case 'corrected sale':
      return [line('S', 'N', ['129.90', '6.495', 0], ['120', '6', 0])];
    case 'twice corrected sale':
      return [line('S', 'N', ['129.90', '6.495', 0], ['120', '6', 1], ['129.9', '6.495', 2])];
    default:
      return [sale];
  }
}

/** Each version is told in at least one way; a newer one is told later. */
function tellings(line: Line): fc.Arbitrary<Told[]> {
  const ways = fc.shuffledSubarray<Telling>(['push', 'partial push', 'events-api', 'garbled push'], { minLength: 1 });
  return fc.tuple(...line.versions.map(() => ways)).map((perVersion) =>
    perVersion.flatMap((way, v) => {
      const version = line.versions[v];
      if (version === undefined) return [];
      return way.map((telling, i) => ({
        line,
        version,
        telling,
        receivedAt: new Date(Date.parse(version.processedAt) + (v * 10 + i + 1) * 1000).toISOString(),
      }));
    }),
  );
}
