const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

/**
 * `14 days`, `3 hours`, `1 minute`: whole numbers of the largest unit that fits twice, or once
 * exactly.
 */
export function spanText(millis: number): string {
  const [unit, size] =
    UNITS.find(([, size]) => millis >= 2 * size || millis === size) ?? (['second', 1000] as const);
  const count = Math.round(millis / size);
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
