import { medianInterval, ratios, summary } from './statistics';

export interface Interleaving<T> {
  readonly contenders: readonly string[];
  /** Measures one of them once. */
  readonly measure: (contender: string) => Promise<T>;
  /** The value whose ratios must settle. */
  readonly value: (measured: T) => number;
  readonly minRounds: number;
  readonly maxRounds: number;
  /** Greatest width of the interval of a settled median, as a part of it. */
  readonly tolerance: number;
}

/**
 * Measures all contenders once in each round, in changing order, until the ratio of each to the
 * first has settled. So a busy machine is equally slow for each.
 *
 * Returns the measurements of each contender by round.
 */
export async function interleave<T>(plan: Interleaving<T>): Promise<Map<string, T[]>> {
  const measured = new Map<string, T[]>(plan.contenders.map((contender) => [contender, []]));
  for (let round = 0; round < plan.maxRounds; round++) {
    if (round >= plan.minRounds && hasSettled(plan, measured)) break;
    for (let i = 0; i < plan.contenders.length; i++) {
      const contender = plan.contenders[(i + round) % plan.contenders.length] as string;
      measured.get(contender)?.push(await plan.measure(contender));
    }
  }
  return measured;
}

function hasSettled<T>(
  { contenders, value, tolerance }: Interleaving<T>,
  measured: ReadonlyMap<string, readonly T[]>,
): boolean {
  const valuesOf = (contender: string): number[] => (measured.get(contender) ?? []).map(value);
  const floor = valuesOf(contenders[0] as string);
  return contenders.slice(1).every((contender) => {
    const toFloor = ratios(valuesOf(contender), floor);
    const [low, high] = medianInterval(toFloor);
    return high - low <= tolerance * summary(toFloor).median;
  });
}
