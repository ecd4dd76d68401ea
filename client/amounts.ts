import Big from 'big.js';
import type { Money } from './summary-types';
import type { Transaction } from './types';

/** An exact sum by currency. */
export class MoneySum {
  private readonly byCurrency = new Map<
    string | undefined,
    { sale: Big; commissions: Big; lines: number }
  >();

  add({ currency, sale_amount, commissions, lines }: Money): void {
    const sum = this.byCurrency.get(currency) ?? {
      sale: new Big(0),
      commissions: new Big(0),
      lines: 0,
    };
    this.byCurrency.set(currency, {
      sale: sum.sale.plus(sale_amount),
      commissions: sum.commissions.plus(commissions),
      lines: sum.lines + lines,
    });
  }

  /** A missing amount adds nothing; the line still counts. */
  addLine({
    currency,
    sale_amount = '0',
    commissions = '0',
  }: Pick<Transaction, 'currency' | 'sale_amount' | 'commissions'>): void {
    this.add({ currency, sale_amount, commissions, lines: 1 });
  }

  /** Sorted by currency, with missing currencies last. */
  toMoney(): Money[] {
    return [...this.byCurrency]
      .sort(([a = '\uffff'], [b = '\uffff']) => (a < b ? -1 : 1))
      .map(([currency, sum]) => ({
        ...(currency === undefined ? {} : { currency }),
        sale_amount: plainDecimal(sum.sale),
        commissions: plainDecimal(sum.commissions),
        lines: sum.lines,
      }));
  }
}

/** Adds up lines by currency, exactly. */
export function sumByCurrency(lines: readonly Transaction[]): Money[] {
  const sum = new MoneySum();
  for (const line of lines) sum.addLine(line);
  return sum.toMoney();
}

/** Adds up amounts by currency, exactly. */
export function addMoney(amounts: readonly Money[]): Money[] {
  const sum = new MoneySum();
  for (const money of amounts) sum.add(money);
  return sum.toMoney();
}

/** Zero has no sign in a sum. */
const plainDecimal = (value: Big): string => (value.eq(0) ? '0' : value.toFixed());
