export const UTC = 'UTC';

/** Whether the engine knows a time zone. */
export const isTimeZone = (timeZone: string): boolean => formatOf(timeZone) !== undefined;

const formats = new Map<string, Intl.DateTimeFormat | undefined>();

/** Creating a format is slow. Undefined if the engine does not know the zone. */
function formatOf(timeZone: string): Intl.DateTimeFormat | undefined {
  if (!formats.has(timeZone)) formats.set(timeZone, createFormat(timeZone));
  return formats.get(timeZone);
}

function createFormat(timeZone: string): Intl.DateTimeFormat | undefined {
  const options = {
    timeZone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  } as const;
  try {
    return new Intl.DateTimeFormat('en-US', options);
  } catch {
    return undefined;
  }
}

/** The day of a time in a zone that was validated. */
export function dayIn(timeZone: string, time: string | number): string {
  if (timeZone === UTC) return new Date(time).toISOString().slice(0, 10);
  const parts = formatOf(timeZone)?.formatToParts(new Date(time)) ?? [];
  const part = (type: Intl.DateTimeFormatPartTypes): string =>
    parts.find((one) => one.type === type)?.value ?? '';
  return `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}`;
}

const DAY_MILLIS = 24 * 60 * 60 * 1000;

/** The first millisecond at which the zone's date is the day or a later one. */
export function startOfDayMillis(day: string, timeZone: string): number {
  const midnight = Date.parse(`${day}T00:00:00.000Z`);
  if (timeZone === UTC) return midnight;
  // No zone is a day away from UTC.
  let [before, start] = [midnight - DAY_MILLIS, midnight + DAY_MILLIS];
  while (start - before > 1) {
    const middle = Math.floor((before + start) / 2);
    if (dayIn(timeZone, middle) < day) before = middle;
    else start = middle;
  }
  return start;
}
