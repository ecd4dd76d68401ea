import type { Slot } from '../../core/rakuten/api/client';
import { RakutenError } from '../../core/rakuten/api/errors';
import { postbackUrl } from '../../core/rakuten/postback/url';
import { parseProperties } from '../../core/registration/properties';
import { openRun, type Run } from '../../core/registration/run';
import type { PublisherState } from '../../core/state/publisher-state';
import type { Fault } from '../../fake-rakuten';
import { Installation, World } from './registration-world';

export const SID = '3900112';
/** Of the custom resource on whose behalf the run is. */
export const OWNER = 'stack/Registration';
/** Of CloudFormation, which the run answers. */
export const REQUEST = 'request-1';
const MINUTES = 60_000;

/**
 * One piece of the registration's work on one slot, without CloudFormation around it: to see what
 * it leaves at Rakuten and in the state.
 */
export class SlotRun {
  public readonly world = new World();
  public readonly installation = new Installation(this.world);
  private readonly startedAt = this.world.clock.now();

  public constructor(private readonly changes: Record<string, unknown> = {}) {}

  /** Eight minutes, of which one is kept for putting things back, unless told otherwise. */
  public async open(endAfterMillis = 8 * MINUTES, reserveMillis = MINUTES): Promise<Run> {
    const desired = parseProperties(this.installation.properties(this.changes));
    return openRun(await this.installation.leasedPorts(SID), desired, {
      endUntil: this.startedAt + endAfterMillis,
      reserveMillis,
      owner: OWNER,
      request: REQUEST,
    });
  }

  /** What a registration with these properties puts into the slot. */
  public ours(changes: Record<string, unknown> = {}, secret = this.secret()): Slot {
    const { endpointUrl, fields, enabled } = parseProperties(
      this.installation.properties({ ...this.changes, ...changes }),
    );
    return { url: postbackUrl(endpointUrl, secret, fields), active: enabled };
  }

  public secret(): string {
    return this.installation.secrets.get('url-secret') ?? '';
  }

  public get slot(): Slot | undefined {
    return this.world.rakuten.slots.get(SID);
  }
  public set slot(slot: Slot | undefined) {
    this.world.rakuten.slots.set(SID, slot);
  }

  public get state(): PublisherState | undefined {
    return this.installation.store.states.get(SID);
  }

  /** What a removal restores. */
  public get previous(): Slot | undefined {
    return this.state && this.installation.previousSlot(this.state);
  }

  public fault(...faults: Fault[]): void {
    for (const fault of faults) this.world.rakuten.faults.add(fault);
  }

  /** The calls to the postback API so far, by their methods. */
  public calls(): string[] {
    return this.world.rakuten.calls
      .filter(({ path }) => path.startsWith('/v1/'))
      .map(({ method }) => method);
  }
  public writes(): string[] {
    return this.calls().filter((method) => method !== 'GET');
  }
  public reads(): number {
    return this.calls().filter((method) => method === 'GET').length;
  }

  public elapsedMillis(): number {
    return this.world.clock.now() - this.startedAt;
  }

  /**
   * Somebody else does something to the slot right after the call of that number (1 for the first)
   * with this method.
   */
  public after(method: string, number: number, doThis: () => void): void {
    let seen = 0;
    const before = this.world.afterCall;
    this.world.afterCall = () => {
      before();
      const call = this.world.rakuten.calls.at(-1);
      if (call?.method !== method || !call.path.startsWith('/v1/')) return;
      seen += 1;
      if (seen === number) doThis();
    };
  }
}

/** What the promise is rejected with. */
export const problemOf = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: Error) => error,
  );

/** In short: of Rakuten's errors the kind, of others the class. */
export const kindOf = (error: unknown): string =>
  error instanceof RakutenError ? error.kind : (error as Error).name;
