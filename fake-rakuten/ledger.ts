import type { LineRecord } from './types';

const BUCKET_MILLIS = 60 * 60 * 1000;

/** The lines that Rakuten holds for one publisher, indexed by the hour they were processed in. */
export class Ledger {
  private readonly byId = new Map<string, LineRecord>();
  /** By the hour of `process_date`, NaN for a line without one. */
  private readonly byHour = new Map<number, Set<LineRecord>>();

  /**
   * A line with a known `etransaction_id` and `is_event` takes the place of the older one.
   *
   * @param reusesId the line is another one under the same ID; both stay
   */
  public record(line: LineRecord, { reusesId = false } = {}): void {
    const id =
      reusesId || line.etransaction_id === undefined ? `line ${this.byId.size}` : idOf(line);
    const older = this.byId.get(id);
    if (older !== undefined) this.byHour.get(hourOf(older))?.delete(older);
    this.byId.set(id, line);
    const bucket = this.byHour.get(hourOf(line)) ?? new Set();
    this.byHour.set(hourOf(line), bucket.add(line));
  }

  /**
   * The advertiser eliminates a line: the Events API returns it no more.
   *
   * Returns the line as it was.
   */
  public eliminate(line: LineRecord): LineRecord | undefined {
    const held = this.byId.get(idOf(line));
    if (held === undefined) return undefined;
    this.byId.delete(idOf(line));
    this.byHour.get(hourOf(held))?.delete(held);
    return held;
  }

  /** All of them, in the order in which they were recorded. */
  public all(): LineRecord[] {
    return [...this.byId.values()];
  }

  /** Those of the hours that the span touches. Milliseconds since 1970. */
  public around(from: number, to: number): LineRecord[] {
    const lines: LineRecord[] = [];
    for (
      let hour = Math.floor(from / BUCKET_MILLIS);
      hour <= Math.floor(to / BUCKET_MILLIS);
      hour += 1
    ) {
      lines.push(...(this.byHour.get(hour) ?? []));
    }
    return lines;
  }
}

const idOf = ({ etransaction_id, is_event = '' }: LineRecord): string =>
  `${etransaction_id} ${is_event}`;

const hourOf = (line: LineRecord): number => Math.floor(processed(line) / BUCKET_MILLIS);

const known = new WeakMap<LineRecord, number>();

/** `process_date` in milliseconds since 1970; NaN where there is none. */
export function processed(line: LineRecord): number {
  let millis = known.get(line);
  if (millis === undefined) {
    millis = Date.parse(line.process_date ?? '');
    known.set(line, millis);
  }
  return millis;
}
