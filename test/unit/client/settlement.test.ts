import Big from 'big.js';
import fc from 'fast-check';
import { type SettlementLine, settle } from '../../../client';

interface Line extends SettlementLine {
  readonly sale_amount: string;
}

/** A verified line in USD. */
const line = (
  id: string,
  is_event: 'Y' | 'N',
  sku_number: string | undefined,
  amount: number,
  others: Partial<Line> = {},
): Line => ({
  line_id: `3900112#${id}`,
  is_event,
  sku_number,
  currency: 'USD',
  sale_amount: String(amount),
  verified_at: '2026-03-13T19:00:00.000Z',
  ...others,
});

const UNVERIFIED = { verified_at: undefined };

const idsOf = (lines: readonly Line[]): string[] =>
  lines.map(({ line_id, is_event }) => `${line_id.split('#')[1]}${is_event}`);

const total = (lines: readonly Line[]): string =>
  lines
    .filter(({ currency }) => currency === 'USD')
    .reduce((sum, { sale_amount }) => sum.plus(sale_amount), new Big(0))
    .toFixed();

function sums(...lines: Line[]): { pending: string; awaiting: string; earned: string } {
  const { pending, awaiting, earned } = settle(lines);
  return { pending: total(pending), awaiting: total(awaiting), earned: total(earned) };
}

const arbitraryLine = fc.record({
  id: fc.integer({ min: 0, max: 9 }).map(String),
  is_event: fc.constantFrom('Y', 'N'),
  sku: fc.constantFrom(undefined, 'S', 'T', 'DISCOUNT'),
  currency: fc.constantFrom('USD', 'EUR'),
  amount: fc.constantFrom(100, 50, -50, -100, -10),
  isVerified: fc.boolean(),
  isWithdrawn: fc.integer({ min: 0, max: 9 }).map((value) => value === 0),
});

const arbitraryLines = fc
  .uniqueArray(arbitraryLine, { maxLength: 7, selector: ({ id, is_event }) => `${id}${is_event}` })
  .map((lines) =>
    lines.map(({ id, is_event, sku, currency, amount, isVerified, isWithdrawn }) =>
      line(id, is_event, sku, amount, {
        currency,
        ...(isVerified ? {} : UNVERIFIED),
        ...(isWithdrawn ? { withdrawn_at: '2026-04-01T00:00:00.000Z', ...UNVERIFIED } : {}),
      }),
    ),
  );

describe('settlement of any order', () => {
  test('does not depend on the order of the lines', () => {
    const shuffled = arbitraryLines.chain((lines) =>
      fc.tuple(
        fc.constant(lines),
        fc.shuffledSubarray(lines, { minLength: lines.length, maxLength: lines.length }),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([lines, others]) => {
        expect(settle(others)).toEqual(settle(lines));
      }),
      { numRuns: 2000 },
    );
  });

  test('earns the same whatever unverified lines are added', () => {
    fc.assert(
      fc.property(arbitraryLines, arbitraryLines, fc.boolean(), (lines, others, hasSameIds) => {
        const known = new Set(idsOf(lines));
        const forged = others
          .map((other) => ({
            ...other,
            ...UNVERIFIED,
            line_id: hasSameIds ? other.line_id : `${other.line_id}F`,
          }))
          .filter((other) => !known.has(idsOf([other])[0] ?? ''));
        expect(settle([...lines, ...forged]).earned).toEqual(settle(lines).earned);
      }),
      { numRuns: 2000 },
    );
  });

  test('puts events into pending only, confirmed lines into one of the other lists, withdrawn lines into none', () => {
    fc.assert(
      fc.property(arbitraryLines, (lines) => {
        const { pending, awaiting, earned } = settle(lines);
        expect(pending.every(({ is_event }) => is_event === 'Y')).toBe(true);
        expect(
          awaiting.every(
            ({ is_event, verified_at }) => is_event === 'N' && verified_at === undefined,
          ),
        ).toBe(true);
        expect(
          earned.every(
            ({ is_event, verified_at }) => is_event === 'N' && verified_at !== undefined,
          ),
        ).toBe(true);
        const all = [...pending, ...awaiting, ...earned];
        expect(new Set(all).size).toBe(all.length);
        expect(all.filter(({ withdrawn_at }) => withdrawn_at !== undefined)).toEqual([]);
      }),
    );
  });
});

describe('settlement of one order', () => {
  test('an event alone is pending', () => {
    expect(sums(line('1', 'Y', 'S', 100))).toEqual({ pending: '100', awaiting: '0', earned: '0' });
  });

  test('a confirmed line replaces its event', () => {
    expect(sums(line('1', 'Y', 'S', 100), line('2', 'N', 'S', 100))).toEqual({
      pending: '0',
      awaiting: '0',
      earned: '100',
    });
  });

  test('a confirmed line replaces its event under another SKU if the amounts are equal', () => {
    expect(sums(line('1', 'Y', 'S', 100), line('2', 'N', 'T', 100))).toEqual({
      pending: '0',
      awaiting: '0',
      earned: '100',
    });
    expect(sums(line('1', 'Y', 'S', 100), line('2', 'N', 'T', 90))).toEqual({
      pending: '100',
      awaiting: '0',
      earned: '90',
    });
  });

  test('a negative line cancels an event that was never confirmed, and neither counts', () => {
    expect(sums(line('1', 'Y', 'S', 100), line('2', 'N', 'S', -100))).toEqual({
      pending: '0',
      awaiting: '0',
      earned: '0',
    });
  });

  test('a negative line cancels one event, not the events of other articles', () => {
    expect(
      sums(
        line('1', 'Y', 'S', 100),
        line('2', 'Y', 'T', 50),
        line('3', 'N', 'S', 100),
        line('4', 'N', 'T', -50),
      ),
    ).toEqual({
      pending: '0',
      awaiting: '0',
      earned: '100',
    });
  });

  test('a discount line cancels no event of another SKU', () => {
    expect(
      sums(line('1', 'Y', 'S', 100), line('2', 'N', 'DISCOUNT', -10), line('3', 'N', 'S', 100))
        .earned,
    ).toBe('90');
  });

  test('the return of a sale from before the installation is negative', () => {
    expect(sums(line('3', 'N', 'S', -100)).earned).toBe('-100');
  });

  test('a return of a confirmed article cancels no event, whatever the dates', () => {
    expect(
      sums(
        line('1', 'Y', 'S', 100),
        line('2', 'Y', 'S', 100),
        line('3', 'N', 'S', 100),
        line('4', 'N', 'S', -100),
      ),
    ).toEqual({
      pending: '100',
      awaiting: '0',
      earned: '0',
    });
  });

  test('the forged event of a discount line does not cancel the discount', () => {
    const forged = line('9', 'Y', 'DISCOUNT', 10, UNVERIFIED);
    expect(sums(line('1', 'N', 'S', 100), line('2', 'N', 'DISCOUNT', -10), forged).earned).toBe(
      '90',
    );
  });

  test('an event and a confirmed line of the same ID belong together before all others', () => {
    const { pending } = settle([
      line('1', 'Y', 'S', 100),
      line('2', 'Y', 'T', 100),
      line('2', 'N', 'S', 100, { currency: 'EUR' }),
    ]);
    expect(idsOf(pending)).toEqual(['1Y']);
  });

  test('the closest amount is matched first', () => {
    const { pending } = settle([
      line('1', 'Y', 'S', 10),
      line('2', 'Y', 'S', 20),
      line('3', 'N', 'S', 19),
    ]);
    expect(idsOf(pending)).toEqual(['1Y']);
  });

  test('a missing SKU on either side is matched after the same SKU', () => {
    const { pending } = settle([
      line('1', 'Y', undefined, 100),
      line('2', 'Y', 'S', 50),
      line('3', 'N', 'S', 100),
    ]);
    expect(idsOf(pending)).toEqual(['1Y']);
    expect(sums(line('1', 'Y', undefined, 100), line('3', 'N', 'S', 90)).pending).toBe('0');
    expect(sums(line('1', 'Y', 'S', 100), line('3', 'N', undefined, 90)).pending).toBe('0');
  });

  test('lines of different currencies are never matched by SKU or amount', () => {
    expect(
      sums(line('1', 'Y', 'S', 100), line('2', 'N', 'S', 100, { currency: 'EUR' })).pending,
    ).toBe('100');
  });

  test('an unverified confirmed line is awaiting, and confirms the event', () => {
    expect(sums(line('1', 'Y', 'S', 100), line('2', 'N', 'S', 100, UNVERIFIED))).toEqual({
      pending: '0',
      awaiting: '100',
      earned: '0',
    });
  });

  test('amounts are compared exactly', () => {
    const decimal = { sale_amount: '0.30000000000000004' };
    expect(sums(line('1', 'Y', 'S', 0.3), line('2', 'N', 'T', 0, decimal)).pending).toBe('0.3');
  });

  test('commissions replace sale amounts if the URL does not ask for these', () => {
    const commissions = (id: string, is_event: 'Y' | 'N', amount: string): SettlementLine => ({
      ...line(id, is_event, 'S', 0),
      sale_amount: undefined,
      commissions: amount,
    });
    const { pending, earned } = settle([commissions('1', 'Y', '5'), commissions('2', 'N', '-5')]);
    expect([pending, earned]).toEqual([[], []]);
  });

  test('lines of unknown kind are in no list', () => {
    const unknown: SettlementLine[] = [
      line('1', 'N', 'S', 100, { is_event: '-' }),
      { ...line('2', 'N', 'S', 0), sale_amount: undefined },
      line('~0123', 'N', 'S', 100, { parse_problems: ['etransaction_id: missing'], ...UNVERIFIED }),
      line('~4567', 'Y', 'S', 100, { parse_problems: ['etransaction_id: missing'], ...UNVERIFIED }),
    ];
    expect(settle(unknown)).toEqual({ pending: [], awaiting: [], earned: [] });
  });

  test('a flood of forged lines is neither matched nor slow, and changes nothing of what is earned', () => {
    const forged = Array.from({ length: 10_000 }, (_, index) =>
      line(String(index), index % 2 === 0 ? 'Y' : 'N', 'S', index + 1, UNVERIFIED),
    );
    const own = [line('A', 'Y', 'S', 100), line('B', 'N', 'S', 100)];
    const { pending, awaiting, earned } = settle([...own, ...forged]);
    expect([pending.length, awaiting.length]).toEqual([5001, 5000]);
    expect(idsOf(earned)).toEqual(['BN']);
  });
});
