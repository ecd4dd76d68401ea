import type { Clock } from '../../core/rakuten/api/request-with-retry';
import { Random } from '../../fake-rakuten/random';

interface Sleeper {
  readonly at: number;
  /** Of sleepers that are due at once the first one wakes first. */
  readonly order: number;
  readonly wake: () => void;
}

/**
 * Simulated time. It passes only while everything waits, so thirty days take as long as the work in
 * them. Everything that takes time sleeps by this clock, so a seed always plays the same events.
 */
export class SimulatedClock implements Clock {
  private time: number;
  /** The next one last. */
  private readonly sleepers: Sleeper[] = [];
  private readonly chance: Random;
  private lain = 0;
  private real = 0;
  private onRealDone: () => void = () => {};
  private failure: { readonly error: unknown } | undefined;

  public constructor(start: number, seed: number) {
    this.time = start;
    this.chance = new Random(seed);
  }

  /** Milliseconds since 1970, whole ones as `Date.now` gives them. */
  public now(): number {
    return Math.floor(this.time);
  }

  public random(): number {
    return this.chance.next();
  }

  public sleep(millis: number): Promise<void> {
    return new Promise((wake) => {
      this.lain += 1;
      this.push({ at: this.time + Math.max(0, millis), order: this.lain, wake });
    });
  }

  public sleepUntil(at: number): Promise<void> {
    return this.sleep(at - this.time);
  }

  /** Starts work without waiting for it. If it fails, the campaign fails. */
  public spawn(work: () => Promise<unknown>): void {
    work().catch((error: unknown) => {
      this.failure ??= { error };
    });
  }

  /** Stops simulated time during real work, such as a call to an embedded server. */
  public async stopDuring<T>(work: Promise<T>): Promise<T> {
    this.real += 1;
    try {
      return await work;
    } finally {
      this.real -= 1;
      if (this.real === 0) this.onRealDone();
    }
  }

  /** Lets time pass up to a moment. Throws the error of spawned work. */
  public async run(until: number): Promise<void> {
    for (;;) {
      await this.settled();
      if (this.failure !== undefined) throw this.failure.error;
      const next = this.sleepers.at(-1);
      if (next === undefined || next.at > until) break;
      this.sleepers.pop();
      this.time = Math.max(this.time, next.at);
      next.wake();
    }
    this.time = Math.max(this.time, until);
  }

  /** Resolves when every promise that can go on has gone on. */
  private async settled(): Promise<void> {
    await immediate();
    while (this.real > 0) {
      await new Promise<void>((resolve) => {
        this.onRealDone = resolve;
      });
      await immediate();
    }
  }

  private push(sleeper: Sleeper): void {
    const { sleepers } = this;
    let [least, most] = [0, sleepers.length];
    while (least < most) {
      const middle = (least + most) >> 1;
      if (isBefore(sleeper, sleepers[middle] as Sleeper)) least = middle + 1;
      else most = middle;
    }
    sleepers.splice(least, 0, sleeper);
  }
}

const isBefore = (a: Sleeper, b: Sleeper): boolean =>
  a.at < b.at || (a.at === b.at && a.order < b.order);

/** After all microtasks. */
const immediate = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
