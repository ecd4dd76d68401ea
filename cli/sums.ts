import type { Money, Sums } from '../client';
import { MoneySum } from '../client/amounts';
import { amountText, sumsText } from './show';
import type { Column } from './table';

type SumName = keyof Sums;

/** The sums of one currency. */
export interface SumRow<T> extends Partial<Record<SumName, Money>> {
  readonly of: T;
  readonly currency?: string;
  /** Whether the sums of a currency before are of the same value. */
  readonly isContinued: boolean;
}

/** The sums by currency, at least one row. */
export function sumRows<T extends Sums>(of: T): SumRow<T>[] {
  const { earned, awaiting, pending } = of;
  const currencies = [
    ...new Set([...earned, ...awaiting, ...pending].map(({ currency }) => currency)),
  ];
  const inCurrency = (amounts: readonly Money[], currency: string | undefined) =>
    amounts.find((money) => money.currency === currency);
  return (currencies.length === 0 ? [undefined] : currencies).map((currency, index) => ({
    of,
    currency,
    isContinued: index > 0,
    earned: inCurrency(earned, currency),
    awaiting: inCurrency(awaiting, currency),
    pending: inCurrency(pending, currency),
  }));
}

/** Columns of the three sums, and of what is earned for them. */
export function sumColumns<T>(): Column<SumRow<T>>[] {
  const amount = (row: SumRow<T>, name: SumName, field: 'sale_amount' | 'commissions'): string =>
    amountText(row[name]?.[field], row.currency);
  return [
    { title: 'CUR', text: ({ currency }) => currency ?? '' },
    { title: 'EARNED SALE', text: (row) => amount(row, 'earned', 'sale_amount'), align: 'right' },
    { title: 'COMMISSION', text: (row) => amount(row, 'earned', 'commissions'), align: 'right' },
    {
      title: 'AWAITING',
      text: (row) => amount(row, 'awaiting', 'sale_amount'),
      align: 'right',
      dropOrder: 1,
    },
    {
      title: 'PENDING',
      text: (row) => amount(row, 'pending', 'sale_amount'),
      align: 'right',
      dropOrder: 2,
    },
  ];
}

/** Adds up sums on their way. */
export class SumsTally {
  private readonly sums: Record<SumName, MoneySum> = {
    earned: new MoneySum(),
    awaiting: new MoneySum(),
    pending: new MoneySum(),
  };

  add(sums: Sums): void {
    for (const name of ['earned', 'awaiting', 'pending'] as const)
      for (const money of sums[name]) this.sums[name].add(money);
  }

  get texts(): string[] {
    const { earned, awaiting, pending } = this.sums;
    return sumsText({
      earned: earned.toMoney(),
      awaiting: awaiting.toMoney(),
      pending: pending.toMoney(),
    });
  }
}
