import type { LineRecord } from '../../fake-rakuten';
import { keyOfLine } from './expectation';

interface Fate {
  /** When Rakuten first wanted to push it. */
  due?: number;
  /** Whether its first push did not come into the queue. */
  failed?: boolean;
  /** When a push of it first came into the queue. */
  arrived?: number;
  /** When its row was first written. */
  stored?: number;
}

/** From the push to the row of the lines that were pushed. Milliseconds, the shortest first. */
export interface LineFates {
  readonly delivered: readonly number[];
  /**
   * Lines whose push did not arrive, nor a later one before the reconciliation. Without those that
   * the reconciliation had written before.
   */
  readonly lost: readonly number[];
}

/** Notes when each line was due, when it arrived and when its row was there. */
export class LineDiary {
  private readonly fates = new Map<string, Fate>();

  public due(line: LineRecord, at: number): void {
    this.fate(keyOfLine(line)).due ??= at;
  }

  /** What became of a push. */
  public pushed(line: LineRecord, isStored: boolean, at: number): void {
    const fate = this.fate(keyOfLine(line));
    fate.failed ??= !isStored;
    if (isStored) fate.arrived ??= at;
  }

  /** @param key of the row */
  public stored(key: string, at: number): void {
    this.fate(key).stored ??= at;
  }

  public fatesOfPushed(): LineFates {
    const pushed = [...this.fates.values()].filter(
      ({ due, stored }) => due !== undefined && stored !== undefined,
    );
    const millis = (wantLost: boolean): number[] =>
      pushed
        .filter((fate) => isLost(fate) === wantLost)
        .map(({ due = 0, stored = 0 }) => Math.max(0, stored - due))
        .sort((a, b) => a - b);
    return { delivered: millis(false), lost: millis(true) };
  }

  private fate(id: string): Fate {
    const fate = this.fates.get(id) ?? {};
    this.fates.set(id, fate);
    return fate;
  }
}

const isLost = ({
  failed,
  due = 0,
  arrived = Number.POSITIVE_INFINITY,
  stored = Number.POSITIVE_INFINITY,
}: Fate): boolean => failed === true && stored > due && arrived >= stored;
