import type { Price } from './prices';

/** Part, what is counted for one postback, how much of it, and its price. */
export type CostLine = readonly [part: string, counted: string, perPostback: number, price: Price];

/** A share of the bill. */
export interface Cost {
  readonly part: string;
  readonly counted: string;
  readonly perPostback: number;
  readonly price: Price;
  /** Dollars per million postbacks. */
  readonly dollars: number;
}

export const toCosts = (lines: readonly CostLine[]): Cost[] =>
  lines.map(([part, counted, perPostback, price]) => ({
    part,
    counted,
    perPostback,
    price,
    dollars: dollarsOf(1e6 * perPostback, price),
  }));

export const sumOf = (costs: readonly Cost[]): number =>
  costs.reduce((total, { dollars }) => total + dollars, 0);

/** Dollars of an amount, whatever the unit of its price is. */
export const dollarsOf = (amount: number, { dollars, unit }: Price): number =>
  amount * (unit.startsWith('a million ') ? dollars / 1e6 : dollars);
