import { type Command, InvalidArgumentError } from 'commander';

export interface TimeZoneOptions {
  /** IANA name of the time zone of days and shown times. */
  readonly timeZone: string;
}

export const UTC = 'UTC';

/** Adds the option for the time zone of days and of shown times. */
export const addTimeZone = (command: Command): Command =>
  command.option(
    '--time-zone <zone>',
    'time zone of days and of shown times, such as Asia/Tokyo',
    parseTimeZone,
    UTC,
  );

/** The name of a time zone that exists. */
export function parseTimeZone(text: string): string {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return text;
  } catch {
    const similar = similarZones(text);
    const hint =
      similar.length === 0
        ? 'Give an IANA name such as Asia/Tokyo.'
        : `Did you mean ${similar.join(', ')}?`;
    throw new InvalidArgumentError(`There is no such time zone. ${hint}`);
  }
}

const MAX_SUGGESTIONS = 3;
/** Wrong, missing or additional characters in a name that is suggested. */
const MAX_TYPOS = 2;

/** Names of zones that are like the text, or whose city is. */
function similarZones(text: string): string[] {
  const wanted = normalName(text);
  const city = wanted.split('/').at(-1) ?? wanted;
  return Intl.supportedValuesOf('timeZone')
    .map((zone) => {
      const name = normalName(zone);
      return {
        zone,
        typos: Math.min(distance(name, wanted), distance(name.split('/').at(-1) ?? name, city)),
      };
    })
    .filter(({ typos }) => typos <= MAX_TYPOS && typos < city.length)
    .sort((a, b) => a.typos - b.typos)
    .slice(0, MAX_SUGGESTIONS)
    .map(({ zone }) => zone);
}

const normalName = (name: string): string => name.toLowerCase().replace(/[\s_-]/g, '_');

/** Number of characters to insert, delete or replace. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, character] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 1; j <= b.length; j += 1)
      next.push(
        Math.min(
          (next[j - 1] ?? 0) + 1,
          (row[j] ?? 0) + 1,
          (row[j - 1] ?? 0) + (character === b[j - 1] ? 0 : 1),
        ),
      );
    row = next;
  }
  return row[b.length] ?? 0;
}
