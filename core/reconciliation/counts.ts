import type { Comparison, Standing } from './compare';

/** What became of the lines of a run. */
export type Counts = Readonly<Record<Standing | 'sent' | 'ofOthers', number>>;

export const NO_COUNTS: Counts = { missing: 0, different: 0, unverified: 0, incomplete: 0, same: 0, sent: 0, ofOthers: 0 };

export function countComparisons(comparisons: readonly Comparison[]): Counts {
  const counts = { ...NO_COUNTS };
  for (const { standing } of comparisons) counts[standing] += 1;
  return counts;
}

export function addCounts(a: Counts, b: Counts): Counts {
  const sums = Object.keys(NO_COUNTS).map((name) => [name, a[name as keyof Counts] + b[name as keyof Counts]]);
  return Object.fromEntries(sums) as Counts;
}

/** Lines of this publisher that were compared. */
export const comparedCount = ({ missing, different, unverified, incomplete, same }: Counts): number =>
  missing + different + unverified + incomplete + same;

/**
 * Of the lines that a run met for the first time, the share that a postback had brought: 0 to 1, undefined without such lines. Lines that an earlier run
 * has seen are confirmed, so an overlapping window does not count them twice.
 */
export function deliveryRate({ missing, unverified }: Counts): number | undefined {
  const met = missing + unverified;
  return met === 0 ? undefined : unverified / met;
}
