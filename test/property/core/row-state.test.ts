import fc from 'fast-check';
import { ATTRIBUTES, SOURCES } from '../../../core/names';
import { parsePostback } from '../../../core/rakuten/postback/parse';
import { fromItem, toItem } from '../../../core/transactions/item';
import type { RowKey } from '../../../core/transactions/keys';
import { CHECKED_FIELDS, type LineFields } from '../../../core/transactions/row';
import {
  type Answer,
  applyAnswer,
  differingFields,
  EMPTY_ROW,
  effectOf,
  joinPushes,
  type PushedLine,
  type RowState,
  shownContent,
  withdraw,
} from '../../../core/transactions/row-state';
import { itemBytes } from '../../../tools/cost/item-size';

const KEY: RowKey = { lineId: '3900112#A1', isEvent: 'N' };
const RUNS = Number(process.env.ROW_RUNS ?? 400);

/** A short time line: whole seconds as arrivals and fetches. */
const at = (second: number): string =>
  new Date(Date.UTC(2026, 2, 13) + second * 1000).toISOString();

const push = (second: number, fields: LineFields, requestId = 'r1'): PushedLine => ({
  fields,
  problems: [],
  extra: { site: requestId },
  receivedAt: at(second),
  requestId,
  query: `${JSON.stringify(fields)} ${requestId}`,
  source: SOURCES.push,
});

const answer = (second: number, fields: LineFields, problems: Answer['problems'] = []): Answer => ({
  fields: { etransaction_id: 'A1', ...fields },
  problems,
  extra: {},
  fetchedAt: at(second),
  runId: 'hourly-1',
  query: JSON.stringify(fields),
});

/** Through the item, as between two writes. */
const stored = (row: RowState, memberFromPostback = false): RowState =>
  fromItem(toItem(KEY, row, { dayShards: 1, memberFromPostback })) ?? EMPTY_ROW;
const item = (row: RowState, memberFromPostback = false) =>
  toItem(KEY, row, { dayShards: 1, memberFromPostback });

const value = fc.constantFrom(undefined, 'a', 'b', 'c');
const arbitraryFields: fc.Arbitrary<LineFields> = fc
  .record({
    sale_amount: fc.constantFrom(undefined, '10', '20', '-10'),
    currency: fc.constantFrom(undefined, 'USD', 'EUR'),
    u1: value,
    order_id: value,
    product_name: value,
    process_date: fc.constantFrom(undefined, '2026-03-12T23:59:59Z', '2099-01-01T00:00:00Z'),
  })
  .map((fields) =>
    Object.fromEntries(Object.entries(fields).filter(([, text]) => text !== undefined)),
  );
const arbitraryPush = fc
  .tuple(fc.integer({ min: 0, max: 12 }), fc.constantFrom('r1', 'r2'), arbitraryFields)
  .map(([second, requestId, fields]) => push(second, fields, requestId));
const arbitraryPushes = fc.array(arbitraryPush, { maxLength: 14 });

type Turn =
  | { readonly kind: 'answer' | 'unreadable'; readonly fields: LineFields }
  | { readonly kind: 'absent' };
const arbitraryTurns: fc.Arbitrary<Turn[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constantFrom('answer' as const, 'unreadable' as const),
      fields: arbitraryFields,
    }),
    fc.constant({ kind: 'absent' as const }),
  ),
  { maxLength: 5 },
);

/** The turn-th request to the Events API, among the arrivals. */
function applyTurn(row: RowState, turn: number, what: Turn): RowState {
  const second = 3 * (turn + 1);
  if (what.kind === 'absent') return withdraw(row, at(second));
  const problems =
    what.kind === 'unreadable' ? [{ field: 'commissions' as const, reason: 'not a number' }] : [];
  return applyAnswer(row, answer(second, what.fields, problems));
}

/**
 * Pushes in their order and answers in theirs, mixed as the choices say. Each step goes through the
 * item.
 */
function interleave(
  pushes: readonly PushedLine[],
  turns: readonly Turn[],
  choices: readonly boolean[],
): RowState {
  let row = EMPTY_ROW;
  let [p, t] = [0, 0];
  const pushNext = (): void => {
    const next = pushes[p++];
    if (next !== undefined) row = stored(joinPushes(row, [next]));
  };
  const answerNext = (): void => {
    const next = turns[t];
    // The line is answered, or nothing is known of it: an absence can only withdraw what was
    // answered.
    if (next !== undefined)
      row = row === EMPTY_ROW && next.kind === 'absent' ? row : stored(applyTurn(row, t, next));
    t += 1;
  };
  for (const isPush of choices) {
    if (isPush && p < pushes.length) pushNext();
    else if (t < turns.length) answerNext();
  }
  while (p < pushes.length) pushNext();
  while (t < turns.length) answerNext();
  return row;
}

describe('a row', () => {
  it('is the same after any interleaving, repetition and batching of pushes with answers in order', () => {
    fc.assert(
      fc.property(
        arbitraryPushes,
        arbitraryTurns,
        fc.array(fc.boolean(), { maxLength: 20 }),
        fc.array(fc.boolean(), { maxLength: 30 }),
        fc.infiniteStream(fc.nat()),
        (pushes, turns, firstChoices, secondChoices, numbers) => {
          const next = (limit: number): number => (numbers.next().value ?? 0) % limit;
          const repeated =
            pushes.length === 0
              ? []
              : Array.from({ length: next(8) }, () => pushes[next(pushes.length)] as PushedLine);
          const shuffled = [...pushes, ...repeated]
            .map((one) => [next(1e6), one] as const)
            .sort(([a], [b]) => a - b);
          const a = interleave(pushes, turns, firstChoices);
          let b = interleave(
            shuffled.map(([, one]) => one),
            turns,
            secondChoices,
          );
          // Old answers that come again change nothing.
          turns.forEach((turn, index) => {
            if (b !== EMPTY_ROW) b = stored(applyTurn(b, index, turn));
          });
          if (a === EMPTY_ROW) expect(b).toBe(EMPTY_ROW);
          else expect(item(b)).toEqual(item(a));
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('takes a batch of pushes as it takes them one after the other', () => {
    fc.assert(
      fc.property(arbitraryPushes, arbitraryPushes, (first, second) => {
        fc.pre(first.length > 0);
        const oneByOne = [...first, ...second].reduce(
          (row, one) => stored(joinPushes(row, [one])),
          EMPTY_ROW,
        );
        expect(item(joinPushes(stored(joinPushes(EMPTY_ROW, first)), second))).toEqual(
          item(oneByOne),
        );
      }),
      { numRuns: RUNS },
    );
  });

  it('shows what is verified as the latest answer has it, at every moment', () => {
    fc.assert(
      fc.property(
        arbitraryPushes,
        arbitraryTurns,
        fc.array(fc.boolean(), { maxLength: 20 }),
        (pushes, turns, choices) => {
          let row = EMPTY_ROW;
          let latest: LineFields | undefined;
          let [p, t] = [0, 0];
          const check = (): void => {
            const { [ATTRIBUTES.verifiedAt]: verifiedAt } = row === EMPTY_ROW ? {} : item(row);
            if (verifiedAt === undefined) return;
            for (const field of CHECKED_FIELDS)
              expect(shownContent(row).fields[field]).toBe(latest?.[field]);
          };
          for (const isPush of [
            ...choices,
            ...Array<boolean>(pushes.length).fill(true),
            ...Array<boolean>(turns.length).fill(false),
          ]) {
            const before = row;
            const [onePush, turn] = [pushes[p], turns[t]];
            if (isPush && onePush !== undefined) {
              p += 1;
              row = stored(joinPushes(row, [onePush]));
              const isLate =
                before.answer !== undefined && onePush.receivedAt >= before.answer.firstAnsweredAt;
              // A push after the first answer changes nothing that is shown, owed or found.
              if (isLate) expect(shownItem(row)).toEqual(shownItem(before));
            } else if (!isPush && turn !== undefined) {
              row =
                row === EMPTY_ROW && turn.kind === 'absent' ? row : stored(applyTurn(row, t, turn));
              if (turn.kind === 'absent') latest = undefined;
              else if (
                turn.kind === 'answer' &&
                effectOf(
                  before === EMPTY_ROW ? undefined : before,
                  answer(3 * (t + 1), turn.fields),
                ) !== 'reused'
              ) {
                latest = turn.fields;
                // Nothing of a push survives an answer, except a member from before the first one.
                expect(row.answer?.content.fields).toEqual(turn.fields);
              }
              t += 1;
            }
            check();
          }
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('is found under the day of its arrival until the Events API answers, whatever dates a push carries', () => {
    fc.assert(
      fc.property(arbitraryPushes, (pushes) => {
        fc.pre(pushes.length > 0);
        expect(item(joinPushes(EMPTY_ROW, pushes))[ATTRIBUTES.processDay]).toEqual({
          S: '2026-03-13',
        });
      }),
    );
    const answered = applyAnswer(
      joinPushes(EMPTY_ROW, [push(1, {})]),
      answer(5, { process_date: '2026-03-12T23:59:59Z' }),
    );
    expect(item(answered)[ATTRIBUTES.processDay]).toEqual({ S: '2026-03-12' });
  });

  it('needs no write for a redelivery, nor for the same content sent again later', () => {
    fc.assert(
      fc.property(arbitraryPushes, fc.nat(), (pushes, index) => {
        fc.pre(pushes.length > 0);
        const row = stored(joinPushes(EMPTY_ROW, pushes));
        const one = pushes[index % pushes.length] as PushedLine;
        expect(item(joinPushes(row, [one]))).toEqual(item(row));
        if (!row.hasMorePushes)
          expect(item(joinPushes(row, [{ ...one, receivedAt: at(1000) }]))).toEqual(item(row));
      }),
      { numRuns: RUNS },
    );
  });

  it('shows a member that only the first push knows, unverified, until the Events API returns one', () => {
    const early = stored(joinPushes(EMPTY_ROW, [push(5, { sale_amount: '10', u1: 'm1' })]));
    const answered = stored(applyAnswer(early, answer(10, { sale_amount: '10' })));
    expect(item(answered)).toMatchObject({
      u1: { S: 'm1' },
      [ATTRIBUTES.u1FromPostback]: { BOOL: true },
    });
    expect(item(answered)[ATTRIBUTES.verifiedAt]).toBeUndefined();
    expect(item(answered, true)[ATTRIBUTES.verifiedAt]).toEqual({ S: at(10) });
    const matched = stored(applyAnswer(answered, answer(20, { sale_amount: '10', u1: 'm1' })));
    expect(item(matched)).toMatchObject({
      u1: { S: 'm1' },
      [ATTRIBUTES.verifiedAt]: { S: at(20) },
    });
    expect(item(matched)[ATTRIBUTES.u1FromPostback]).toBeUndefined();
    // A push after the first answer never fills it.
    const late = joinPushes(stored(applyAnswer(EMPTY_ROW, answer(10, { sale_amount: '10' }))), [
      push(15, { sale_amount: '10', u1: 'attacker' }),
    ]);
    expect(item(late).u1).toBeUndefined();
    expect(item(late)[ATTRIBUTES.verifiedAt]).toEqual({ S: at(10) });
  });

  it('says since when the checked fields are as shown, and is not verified while it is withdrawn', () => {
    let row = applyAnswer(EMPTY_ROW, answer(10, { sale_amount: '10', product_name: 'x' }));
    row = stored(applyAnswer(row, answer(20, { sale_amount: '10', product_name: 'y' })));
    expect(item(row)[ATTRIBUTES.verifiedAt]).toEqual({ S: at(10) });
    row = stored(applyAnswer(row, answer(30, { sale_amount: '1000', product_name: 'y' })));
    expect(item(row)[ATTRIBUTES.verifiedAt]).toEqual({ S: at(30) });
    row = stored(withdraw(row, at(40)));
    expect(item(row)[ATTRIBUTES.verifiedAt]).toBeUndefined();
    expect(item(row)[ATTRIBUTES.withdrawnAt]).toEqual({ S: at(40) });
    row = stored(applyAnswer(row, answer(50, { sale_amount: '1000', product_name: 'y' })));
    expect(item(row)[ATTRIBUTES.verifiedAt]).toEqual({ S: at(50) });
    expect(item(row)[ATTRIBUTES.withdrawnAt]).toBeUndefined();
  });

  it('keeps the last five replaced answers with the values that changed', () => {
    let row = EMPTY_ROW;
    for (let second = 1; second <= 8; second++)
      row = stored(applyAnswer(row, answer(second, { sale_amount: String(second), u1: 'm 1' })));
    expect(row.replacedAnswers).toHaveLength(5);
    expect(row.replacedAnswers.at(-1)).toEqual({ answeredAt: at(7), values: 'sale_amount=7' });
  });

  it.each([
    ['advertiser_id', { advertiser_id: '2' }],
    ['order_id', { order_id: 'O2' }],
    ['sku_number', { sku_number: 'S2' }],
  ])('takes an answer with another %s for a reused ID, which verifies nothing', (_, other) => {
    const first = { sale_amount: '10', advertiser_id: '1', order_id: 'O1', sku_number: 'S1' };
    const row = stored(applyAnswer(EMPTY_ROW, answer(10, first)));
    const reused = answer(20, { ...first, ...other });
    expect(effectOf(row, reused)).toBe('reused');
    expect(shownItem(applyAnswer(row, reused))).toEqual(shownItem(row));
  });

  it('counts an answer with an unreadable checked field as a push', () => {
    const unreadable = answer(10, { order_id: 'O1' }, [
      { field: 'sale_amount', reason: 'not a number: "x"' },
    ]);
    const row = stored(applyAnswer(EMPTY_ROW, unreadable));
    expect(effectOf(undefined, unreadable)).toBe('unreadable');
    expect(item(row)).toMatchObject({
      source: { S: 'events-api' },
      parse_problems: { L: [{ S: 'sale_amount: not a number: "x"' }] },
    });
    expect(item(row)[ATTRIBUTES.verifiedAt]).toBeUndefined();
  });

  it('names the amounts, currency and member in which a push differs from the answer, also where that is empty', () => {
    const pushed = joinPushes(EMPTY_ROW, [
      push(20, { sale_amount: '1000', currency: 'USD', u1: 'm2', product_name: 'z' }),
    ]);
    const row = stored(
      applyAnswer(stored(pushed), answer(10, { sale_amount: '10', currency: 'USD' })),
    );
    expect(differingFields(row)).toEqual(['sale_amount', 'u1']);
    expect(item(row)[ATTRIBUTES.differingFields]).toEqual({
      L: [{ S: 'sale_amount' }, { S: 'u1' }],
    });
  });

  it('never exceeds 16 KB, however large and many its deliveries are', () => {
    const text = fc
      .tuple(
        fc.constantFrom('a', 'é', '漢', '😀', '"', '\\', '%', '&'),
        fc.integer({ min: 1, max: 9000 }),
      )
      .map(([sign, length]) => sign.repeat(length));
    const name = fc.constantFrom(
      'order_id',
      'u1',
      'sku_number',
      'offer_id',
      'product_name',
      'advertiser_id',
      'etransaction_id',
      'transaction_type',
      'currency',
      'sale_amount',
      'commissions',
      'quantity',
      'transaction_date',
      'process_date',
      'commissions_list_id',
      'lock_status',
      'order_auto_lock_date',
      'x',
      'y',
      'z',
    );
    const delivery = fc
      .dictionary(
        name,
        fc.oneof(text, fc.constantFrom('1', '-123456.78', 'x'.repeat(256), '漢'.repeat(85))),
        { maxKeys: 20 },
      )
      .map((parameters) => ({
        ...parsePostback(Object.entries(parameters), []),
        query: new URLSearchParams(parameters).toString(),
      }));
    fc.assert(
      fc.property(
        fc.array(delivery, { minLength: 1, maxLength: 12 }),
        fc.nat(12),
        (deliveries, answers) => {
          let row = EMPTY_ROW;
          for (const [second, one] of deliveries.entries()) {
            row = stored(
              joinPushes(row, [
                { ...one, receivedAt: at(second), requestId: 'r'.repeat(40), source: SOURCES.push },
              ]),
            );
          }
          for (const [second, one] of deliveries.slice(0, answers).entries()) {
            const { query, problems, extra, fields } = one;
            row = stored(
              applyAnswer(row, {
                fields: { ...fields, etransaction_id: 'A' },
                problems: problems.filter(
                  ({ field }) => !(CHECKED_FIELDS as readonly string[]).includes(field),
                ),
                extra,
                query,
                fetchedAt: at(100 + second),
                runId: 'hourly-00000000-0000-0000-0000-000000000000',
              }),
            );
          }
          expect(
            itemBytes({ ...item(row), [ATTRIBUTES.updatedAt]: { S: at(0) } }),
          ).toBeLessThanOrEqual(16 * 1024);
        },
      ),
      { numRuns: RUNS / 4 },
    );
  });
});

/** What the row shows and where it is found, without the bookkeeping. */
function shownItem(row: RowState): object {
  const {
    [ATTRIBUTES.otherPushes]: _others,
    [ATTRIBUTES.morePushes]: _more,
    [ATTRIBUTES.firstPush]: _first,
    [ATTRIBUTES.differingFields]: _differing,
    [ATTRIBUTES.revision]: _revision,
    [ATTRIBUTES.requestId]: _request,
    [ATTRIBUTES.query]: _query,
    [ATTRIBUTES.extra]: _extra,
    [ATTRIBUTES.source]: _source,
    ...shown
  } = item(row);
  return shown;
}
