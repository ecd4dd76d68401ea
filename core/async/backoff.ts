/**
 * Pause before the next try, in milliseconds: random, so that callers who failed together do not
 * return together, and up to twice as long with each try.
 *
 * @param tries failed tries so far, 1 or more
 */
export function backoffMillis(tries: number, firstMillis: number, longestMillis: number, random = Math.random): number {
  return random() * Math.min(longestMillis, firstMillis * 2 ** (tries - 1));
}
