import { ATTRIBUTES } from '../core/names';
import type { LineRecord } from '../local/fake-rakuten';
import type { Item } from './expressions';

interface Fate {
  /** When Rakuten first wanted to push it. */
  due?: number;
  /** When the Events API first told it. */
  told?: number;
  /** Whether the first push of it did not come into the queue. */
  failed?: boolean;
  /** When a push of it first came into the queue. */
  arrived?: number;
  /** When its row was first written. */
  stored?: number;
}

/** What became of the lines that were pushed. */
export interface LineFates {
  readonly delivered: number;
  /** Their push did not arrive, and no later one before the reconciliation had brought them. Those that it had brought before the push was due are not among them. */
  readonly lost: number;
  /** How long each of them took from its push to its row, in milliseconds, the shortest first. */
  readonly recoveryMillis: readonly number[];
  /** The same, from when there was someone to ask: from the moment at which the Events API told the line, where that was later than the push. */
  readonly recoverySinceToldMillis: readonly number[];
  /** From the push to the row, of those that were delivered. */
  readonly deliveryMillis: readonly number[];
}

/** Notes when each line was due, when it arrived and when its row was there. */
export class LineDiary {
  public storedCount = 0;
  private readonly fates = new Map<string, Fate>();

  public due(line: LineRecord, at: number): void {
    const fate = this.fate(idOf(line));
    fate.due ??= at;
  }

  public told(line: LineRecord, at: number): void {
    const fate = this.fate(idOf(line));
    fate.told ??= at;
  }

  /** What became of a push. */
  public pushed(line: LineRecord, isStored: boolean, at: number): void {
    const fate = this.fate(idOf(line));
    fate.failed ??= !isStored;
    if (isStored) fate.arrived ??= at;
  }

  public stored(key: Item, at: number): void {
    const fate = this.fate(key[ATTRIBUTES.lineKey]?.S ?? '');
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
      recoverySinceToldMillis: millis(lost, (fate) => Math.max(due(fate), fate.told ?? 0)),
      deliveryMillis: millis(delivered, due),
    };
  }

  /** The sort keys of the lines of which a push came into the queue. */
  public arrivedLines(): string[] {
    return [...this.fates].filter(([, { arrived }]) => arrived !== undefined).map(([id]) => id);
  }

  private fate(id: string): Fate {
    const known = this.fates.get(id);
    if (known !== undefined) return known;
    const fate: Fate = {};
    this.fates.set(id, fate);
    return fate;
  }
}

/** As the sort key of its row. */
export const idOf = ({ etransaction_id, is_event }: LineRecord): string => `${etransaction_id}#${is_event}`;
