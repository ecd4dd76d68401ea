import Big from 'big.js';
import type { Money, Transaction } from './types';

/** Adds up lines by currency, exactly. A missing amount adds nothing; the line still counts. */
export function sumByCurrency(lines: readonly Transaction[]): Money[] {
  return addMoney(
    lines.map((line) => ({
      currency: line.currency,
      sale_amount: line.sale_amount ?? '0',
      commissions: line.commissions ?? '0',
      lines: 1,
    })),
  );
}

/** Adds up amounts by currency, exactly. Sorted by currency, with missing currencies last. */
export function addMoney(amounts: readonly Money[]): Money[] {
  const byCurrency = new Map<string | undefined, { sale: Big; commissions: Big; lines: number }>();
  for (const { currency, sale_amount, commissions, lines } of amounts) {
    const sum = byCurrency.get(currency) ?? { sale: new Big(0), commissions: new Big(0), lines: 0 };
    byCurrency.set(currency, {
      sale: sum.sale.plus(sale_amount),
      commissions: sum.commissions.plus(commissions),
      lines: sum.lines + lines,
    });
  }
  return [...byCurrency]
    .sort(([a = '\uffff'], [b = '\uffff']) => (a < b ? -1 : 1))
    .map(([currency, sum]) => ({
      ...(currency === undefined ? {} : { currency }),
      sale_amount: plainDecimal(sum.sale),
      commissions: plainDecimal(sum.commissions),
      lines: sum.lines,
    }));
}

/** Zero has no sign in a sum. */
const plainDecimal = (value: Big): string => (value.eq(0) ? '0' : value.toFixed());
