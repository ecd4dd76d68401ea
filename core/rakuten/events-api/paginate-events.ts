import type { EventsRecord, EventsWindow, ReadPage } from './events';

/**
 * Where a walk stands: everything before `from` is read. In the middle of a part of the window it
 * also names that part and the next page of it.
 */
export interface Position {
  readonly from: number;
  readonly part?: { readonly to: number; readonly page: number; readonly size: number };
}

/** A page, and where to go on behind it; nowhere when it was the last. */
export interface WalkedPage {
  readonly records: readonly EventsRecord[];
  readonly next: Position | undefined;
  /** The part of the window that the page belongs to. It lies within one UTC day. */
  readonly part: EventsWindow;
  /** Whether this page completes the part, all of whose pages this walk read. */
  readonly completesPart: boolean;
}

export interface WalkOptions {
  /**
   * Records in a page. Rakuten's maximum is not documented; its own example asks for 1,000.
   * @default 1000
   */
  readonly pageSize?: number;
  /**
   * Pages after which a part is left and cut in two, as nobody documents how deep one may page.
   * @default 10
   */
  readonly maxPages?: number;
}

const SECOND_MILLIS = 1000;
const DAY_MILLIS = 24 * 60 * 60 * SECOND_MILLIS;
/**
 * Rakuten tells time to the second, and a part of one instant would be empty if it left one of its
 * ends out.
 */
const SHORTEST_PART_MILLIS = SECOND_MILLIS;

/**
 * Reads a window page by page, oldest part first, however many lines it holds. Parts share the
 * second at which they meet, so that it does not matter which of its ends Rakuten counts in: a line
 * may come twice, and none is left out. A line that Rakuten adds to a part while it is read may be
 * missed, since pages are counted from one end of it: the next walk over the same time finds it.
 *
 * @param window both ends on a whole second
 * @param start where an earlier walk over a window with the same end stood
 */
export async function* walk(
  read: ReadPage,
  window: EventsWindow,
  { pageSize = 1000, maxPages = 10 }: WalkOptions = {},
  start: Position = { from: window.from },
): AsyncGenerator<WalkedPage> {
  let { from, part } = start;
  let span = DAY_MILLIS;
  for (;;) {
    const to = part?.to ?? Math.min(from + span, nextMidnight(from), window.to);
    const isFromFirstPage = part === undefined || part.page === 1;
    const reader = new PartReader(read, { from, to }, part ?? { page: 1, size: pageSize });
    const isShortest = to - from <= SHORTEST_PART_MILLIS;
    while (!reader.ended && (isShortest || reader.page <= maxPages)) {
      const records = await reader.next();
      yield {
        records,
        next: nextPosition(reader, window),
        part: reader.part,
        completesPart: reader.ended && isFromFirstPage,
      };
    }
    if (reader.ended && to >= window.to) return;
    if (reader.ended) from = to;
    // Pages that were read of a part which is cut are read again with its halves: rare, and
    // comparing a line twice does no harm.
    span = reader.ended ? grown(span, reader.page, maxPages) : halved(to - from);
    part = undefined;
  }
}

function nextPosition(
  { ended, part, page, size }: PartReader,
  window: EventsWindow,
): Position | undefined {
  if (!ended) return { from: part.from, part: { to: part.to, page, size } };
  return part.to >= window.to ? undefined : { from: part.to };
}

/** Rows are indexed by UTC day. */
const nextMidnight = (time: number): number => (Math.floor(time / DAY_MILLIS) + 1) * DAY_MILLIS;

const halved = (span: number): number =>
  Math.max(SHORTEST_PART_MILLIS, Math.floor(span / 2 / SECOND_MILLIS) * SECOND_MILLIS);

/**
 * Longer again where lines are few, so that a busy hour does not make a quiet month take thousands
 * of calls.
 */
const grown = (span: number, pages: number, maxPages: number): number =>
  pages <= maxPages / 3 ? Math.min(DAY_MILLIS, span * 2) : span;

/** Reads the pages of one part. */
class PartReader {
  /** The next page. */
  public page: number;
  public size: number;
  public ended = false;
  private previous: string | undefined;

  constructor(
    private readonly read: ReadPage,
    readonly part: EventsWindow,
    start: { readonly page: number; readonly size: number },
  ) {
    this.page = start.page;
    this.size = start.size;
  }

  async next(): Promise<readonly EventsRecord[]> {
    const records = await this.read(this.part, this.page, this.size);
    this.refuseRepetition(records);
    this.ended = records.length < this.size && !(await this.isCapped(records.length));
    this.page += 1;
    return records;
  }

  /**
   * A page that is short by a round number may be a server's own limit rather than the end: then
   * the page behind it, of that size, is not empty. The rest is read in pages of that size.
   */
  private async isCapped(length: number): Promise<boolean> {
    if (this.page > 1 || length === 0 || length % 50 !== 0) return false;
    const behind = await this.read(this.part, 2, length);
    if (behind.length > 0) this.size = length;
    return behind.length > 0;
  }

  /** The same full page over and over would never end. */
  private refuseRepetition(records: readonly EventsRecord[]): void {
    const text = JSON.stringify(records);
    if (records.length >= this.size && text === this.previous) {
      throw new Error(
        `the Events API answered page ${this.page} with the same ${records.length} lines as the page before, so it cannot be read to the end`,
      );
    }
    this.previous = text;
  }
}
