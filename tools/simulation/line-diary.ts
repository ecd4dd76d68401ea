import type { LineRecord } from '../../fake-rakuten';
import { keyOfLine } from './expectation';

interface Fate {
  /** When Rakuten first wanted to push it. */
  due?: number;
  /** When the Events API first returned it. */
  recorded?: number;
  /** Whether its first push did not come into the queue. */
  failed?: boolean;
  /** When a push of it first came into the queue. */
  arrived?: number;
  /** When its row was first written. */
  stored?: number;
}

/** What became of the lines that were pushed. */
export interface LineFates {
  readonly delivered: number;
  /**
   * Their push did not arrive, nor a later one before the reconciliation.
   *
   * Lines that it had written before are not counted.
   */
  readonly lost: number;
  /** From the push to the row of lost lines, in milliseconds, the shortest first. */
  readonly recoveryMillis: readonly number[];
  /** The same from when the Events API returned the line, where that was later than the push. */
  readonly recoverySinceRecordedMillis: readonly number[];
  /** From the push to the row, of those that were delivered. */
  readonly deliveryMillis: readonly number[];
}

/** Notes when each line was due, when it arrived and when its row was there. */
export class LineDiary {
  public storedCount = 0;
  private readonly fates = new Map<string, Fate>();

  public due(line: LineRecord, at: number): void {
    const fate = this.fate(keyOfLine(line));
    fate.due ??= at;
  }

  public recorded(line: LineRecord, at: number): void {
    const fate = this.fate(keyOfLine(line));
    fate.recorded ??= at;
  }

  /** What became of a push. */
  public pushed(line: LineRecord, isStored: boolean, at: number): void {
    const fate = this.fate(keyOfLine(line));
    fate.failed ??= !isStored;
    if (isStored) fate.arrived ??= at;
  }

  /** @param key of the row */
  public stored(key: string, at: number): void {
    const fate = this.fate(key);
    if (fate.stored === undefined) this.storedCount += 1;
    fate.stored ??= at;
  }

  public fatesOfPushed(): LineFates {
    const pushed = [...this.fates.values()].filter((fate) => fate.due !== undefined);
    const isLost = ({ failed, due = 0, arrived = Number.POSITIVE_INFINITY, stored = Number.POSITIVE_INFINITY }: Fate): boolean =>
      failed === true && stored > due && arrived >= stored;
    const millis = (fates: readonly Fate[], from: (fate: Fate) => number): number[] =>
      fates.flatMap((fate) => (fate.stored === undefined ? [] : [Math.max(0, fate.stored - from(fate))])).sort((a, b) => a - b);
    const lost = pushed.filter(isLost);
    const delivered = pushed.filter((fate) => !isLost(fate));
    const due = (fate: Fate): number => fate.due ?? 0;
    return {
      delivered: delivered.length,
      lost: lost.length,
      recoveryMillis: millis(lost, due),
      recoverySinceRecordedMillis: millis(lost, (fate) => Math.max(due(fate), fate.recorded ?? 0)),
      deliveryMillis: millis(delivered, due),
    };
  }

  private fate(id: string): Fate {
    const known = this.fates.get(id);
    if (known !== undefined) return known;
    const fate: Fate = {};
    this.fates.set(id, fate);
    return fate;
  }
}
