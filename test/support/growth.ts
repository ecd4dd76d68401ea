const ROUNDS = 5;
const FACTOR = 16;

/**
 * How much more processor time work takes for an input sixteen times as large.
 *
 * About 16 if the time is linear, 256 if it is quadratic. It is the least of several rounds, and
 * other programs on the machine do not count.
 */
export function growth(work: (size: number) => unknown, size: number): number {
  let [small, large] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < ROUNDS; round++) {
    small = Math.min(
      small,
      microseconds(() => work(size)),
    );
    large = Math.min(
      large,
      microseconds(() => work(size * FACTOR)),
    );
  }
  return large / small;
}

/** Above every linear growth, and far below a quadratic one. */
export const LINEAR = 100;

function microseconds(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
