export interface Summary {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export function summary(values: readonly number[]): Summary {
  const sorted = ascending(values);
  return {
    min: sorted[0] ?? Number.NaN,
    median: quantile(sorted, 0.5),
    max: sorted.at(-1) ?? Number.NaN,
  };
}

/** Ratios within a round: whatever disturbed the machine disturbed both. */
export const ratios = (values: readonly number[], floor: readonly number[]): number[] =>
  values.map((value, round) => value / (floor[round] ?? Number.NaN));

/** The interval of the true median at 95 %, for any distribution, from order statistics. */
export function medianInterval(values: readonly number[]): readonly [number, number] {
  const sorted = ascending(values);
  const half = 0.98 * Math.sqrt(sorted.length);
  const at = (rank: number): number =>
    sorted[Math.min(sorted.length - 1, Math.max(0, rank))] ?? Number.NaN;
  return [at(Math.floor(sorted.length / 2 - half)), at(Math.ceil(sorted.length / 2 + half))];
}

/** `1.08 (1.07 to 1.09)` */
export function ratioInWords(values: readonly number[], places = 2): string {
  const [low, high] = medianInterval(values);
  return `${summary(values).median.toFixed(places)} (${low.toFixed(places)} to ${high.toFixed(places)})`;
}

function quantile(sorted: readonly number[], part: number): number {
  const at = (sorted.length - 1) * part;
  const [below, above] = [
    sorted[Math.floor(at)] ?? Number.NaN,
    sorted[Math.ceil(at)] ?? Number.NaN,
  ];
  return below + (above - below) * (at - Math.floor(at));
}

const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);
