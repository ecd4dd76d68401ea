import { requireCount, requireText } from './input';
import { mapAhead, present, sequence } from './pages';
import type { ClickOptions } from './report-types';
import type { TableReader } from './table-reader';

const DEFAULT_CONCURRENCY = 16;

export interface RequiredClicks {
  readonly sid: string | undefined;
  readonly concurrency: number;
}

export function requireClicks({ sid, concurrency }: ClickOptions): RequiredClicks {
  return {
    sid: sid === undefined ? undefined : requireText('sid', sid),
    concurrency: requireCount('concurrency', concurrency) ?? DEFAULT_CONCURRENCY,
  };
}

/** The clicks without a line. They are looked up in the form that rows have. */
export function clicksWithoutLine(
  reader: TableReader,
  clicks: AsyncIterable<string> | Iterable<string>,
  { sid, concurrency }: RequiredClicks,
): AsyncIterableIterator<string> {
  const lookUp = async (click: string): Promise<string | undefined> => {
    const u1 = requireText('a click', requireText('a click', click).trim().normalize('NFC'));
    return (await reader.hasLine(u1, sid)) ? undefined : click;
  };
  return present(mapAhead(sequence(clicks), concurrency, lookUp));
}
