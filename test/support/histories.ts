import fc from 'fast-check';
import { parseEventsApiBody } from '../../core/rakuten/events-api/events';
import { ALL_FIELDS, fieldListId } from '../../core/rakuten/postback/fields';
import { parseMessage } from '../../core/rakuten/postback/message';
import { readAnswer } from '../../core/reconciliation/answer';
import type { RowKey } from '../../core/transactions/keys';
import { readPushedLine } from '../../core/transactions/pushed-line';
import {
  type Answer,
  applyAnswer,
  EMPTY_ROW,
  joinPushes,
  type PushedLine,
  type RowState,
  withdraw,
} from '../../core/transactions/row-state';
import { eventsDate } from '../../fake-rakuten/events';
import { messageBody } from './messages';

/** What the Events API showed of a line at one time: a record, or that complete reads lacked it. */
export type Reading = { readonly answer: Answer } | { readonly missingAt: string };

/** All that arrives of one line. */
export interface LineHistory {
  readonly key: RowKey;
  /** In no order. */
  readonly pushes: readonly PushedLine[];
  /** In the order of their requests. */
  readonly readings: readonly Reading[];
}

export const HISTORY_SID = '3900112';
const PUBLISHER = { sid: HISTORY_SID, fieldListId: fieldListId(ALL_FIELDS), fields: ALL_FIELDS };
const START = Date.parse('2026-04-18T09:00:00.000Z');
const time = (minutes: number): string => new Date(START + minutes * 60_000).toISOString();

type Values = Readonly<Record<string, string>>;

/** A postback with these values, as the consumer reads it. */
export function pushedLine(
  values: Values,
  arrival: { readonly receivedAt: string; readonly requestId: string },
): { key: RowKey; push: PushedLine } {
  const query = Object.entries(values).map(
    ([name, value]) => `${name}=${encodeURIComponent(value)}`,
  );
  const read = readPushedLine(parseMessage(messageBody(query.join('&'), arrival)), PUBLISHER);
  if (read === undefined) throw new Error('not a postback');
  return read;
}

/** A record of the Events API with these values, as the reconciliation reads it. */
export function answeredLine(
  values: Readonly<Record<string, unknown>>,
  fetchedAt: string,
  runId = 'run-1',
): { key: RowKey; answer: Answer } {
  const [record = {}] = parseEventsApiBody(JSON.stringify([values]));
  const read = readAnswer(record, { sid: HISTORY_SID, fetchedAt, runId });
  if (read === undefined) throw new Error('a record of another publisher');
  return read;
}

/** The row after all of a history. */
export function finalRow({ pushes, readings }: LineHistory): RowState {
  return readings.reduce(
    (row, reading) => applyReading(row, reading),
    joinPushes(EMPTY_ROW, pushes),
  );
}

const applyReading = (row: RowState, reading: Reading): RowState =>
  'answer' in reading ? applyAnswer(row, reading.answer) : withdraw(row, reading.missingAt);

/** Spellings of one ID. They are one key. */
const spellings = (id: string): string[] => [id, id.toLowerCase(), ` ${id} `];

const pushedValues = fc.record({
  is_event: fc.constantFrom('N', 'n', ' false'),
  sid: fc.constantFrom(HISTORY_SID, '', '9999999'),
  advertiser_id: fc.constantFrom('41207', '41207.0', ''),
  order_id: fc.constantFrom('A+1', 'A 1', 'A%2B1', ''),
  currency: fc.constantFrom('USD', 'usd', 'dollars', ''),
  sale_amount: fc.constantFrom('180.0', '180', '1,80', '-180', '99999999', '179.99999999999999'),
  commissions: fc.constantFrom('5.4', '5.4000000953674316', ''),
  u1: fc.constantFrom('m_1', 'm_2', '<u1>', 'u'.repeat(300)),
  product_name: fc.constantFrom(
    'M\u00fcsli',
    'Mu\u0308sli',
    'M\ufffdsli',
    'Salt & Pepper',
    'x'.repeat(3000),
  ),
  transaction_date: fc.constantFrom('2026-04-18T08:55:00.000+00:00', '2026-04-18T17:55:00', ''),
  process_date: fc.constantFrom(
    '2026-04-18T09:00:00.250+00:00',
    '2099-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    'soon',
  ),
});

const answeredValues = fc.record({
  is_event: fc.constantFrom<unknown>('N', false),
  sid: fc.constantFrom<unknown>(Number(HISTORY_SID), HISTORY_SID, null),
  advertiser_id: fc.constant(41207),
  order_id: fc.constantFrom('A+1', 'A+1', 'A+1', 'B+1'),
  currency: fc.constantFrom('USD', 'USD', ''),
  sale_amount: fc.constantFrom<unknown>(180, 180, 170, 'n/a'),
  commissions: fc.constantFrom<unknown>(5.4, 5.4, null),
  u1: fc.constantFrom('m_1', 'm_1', '', 'm_3'),
  product_name: fc.constantFrom('M\u00fcsli ', 'Muesli'),
  transaction_date: fc.constant(eventsDate('2026-04-18T08:55:00Z')),
  process_date: fc.constantFrom(
    ...['2026-04-18T09:00:00Z', '2026-04-19T09:00:00Z'].map(eventsDate),
  ),
  lock_status: fc.constantFrom<unknown>(null, 'locked'),
  tier: fc.constantFrom<unknown>(undefined, 'gold'),
});

/**
 * Everything that can arrive of one line. Arrivals and requests of the Events API are mixed in
 * time.
 */
function lineHistory(id: string): fc.Arbitrary<LineHistory> {
  const push = fc
    .tuple(
      pushedValues,
      fc.constantFrom(...spellings(id)),
      fc.integer({ min: 0, max: 12 }),
      fc.constantFrom('r1', 'r2'),
    )
    .map(([values, etransaction_id, minutes, requestId]) =>
      pushedLine({ ...values, etransaction_id }, { receivedAt: time(minutes), requestId }),
    );
  const record = fc.tuple(answeredValues, fc.constantFrom(...spellings(id)));
  return fc
    .tuple(fc.array(push, { maxLength: 9 }), fc.array(fc.option(record), { maxLength: 7 }))
    .map(([pushes, records]) => ({
      key: { lineId: `${HISTORY_SID}#${id}`, isEvent: 'N' },
      pushes: pushes.map((read) => read.push),
      readings: records.map((read, index): Reading => {
        // Between the arrivals, so that nothing rests on which of them comes first.
        const at = time(2 * (index + 1) + 0.5);
        if (read === null) return { missingAt: at };
        return {
          answer: answeredLine({ ...read[0], etransaction_id: read[1] }, at, `run-${index}`).answer,
        };
      }),
    }));
}

/** Histories of a few lines. */
export const lineHistories: fc.Arbitrary<LineHistory[]> = fc
  .integer({ min: 1, max: 3 })
  .chain((count) =>
    fc.tuple(
      ...Array.from({ length: count }, (_, index) => lineHistory(`${index}A`.padStart(32, 'F'))),
    ),
  );
