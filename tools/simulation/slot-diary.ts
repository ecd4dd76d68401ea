import { isSameEndpoint } from '../../core/rakuten/postback/url';
import type { Slot } from '../../fake-rakuten';
import type { SimulatedClock } from './clock';
import { ENDPOINT_URL } from './endpoint';

export type OffReason = 'switched off' | 'missing' | 'taken over';

/** A time in which Rakuten did not send to us. */
export interface OffTime {
  readonly reason: OffReason;
  readonly from: number;
  /** Undefined while it lasts. */
  to?: number;
}

/** Notes when the postback was off, from the moment it was first on. */
export class SlotDiary {
  public readonly offTimes: OffTime[] = [];
  private wasOn = false;

  public constructor(private readonly clock: SimulatedClock) {}

  public note(slot: Slot | undefined): void {
    const reason = offReason(slot);
    const last = this.offTimes.at(-1);
    const open = last !== undefined && last.to === undefined ? last : undefined;
    if (reason === undefined) this.wasOn = true;
    if (!this.wasOn || reason === open?.reason) return;
    if (open !== undefined) open.to = this.clock.now();
    if (reason !== undefined) this.offTimes.push({ reason, from: this.clock.now() });
  }

  public get isOn(): boolean {
    return this.wasOn && this.offTimes.at(-1)?.to !== undefined;
  }
}

function offReason(slot: Slot | undefined): OffReason | undefined {
  if (slot === undefined) return 'missing';
  if (!isSameEndpoint(slot.url, ENDPOINT_URL)) return 'taken over';
  return slot.active ? undefined : 'switched off';
}
