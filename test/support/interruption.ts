/**
 * What happens to a run at one of the calls that it makes to the world: it is cut off before or
 * after the call, or the call fails.
 */
export interface Interruption {
  /** Which call, 0 for the first. */
  readonly call: number;
  readonly how: 'killed before' | 'killed after' | 'fails' | 'fails after its effect';
}

type Functions = Record<string, unknown>;

/**
 * Ports that count the calls a run makes through them, of whatever kind, and interrupt one. A run
 * that is killed does nothing more: its promises never end.
 */
export class InterruptiblePorts {
  public calls = 0;
  /** Resolves when the run was killed. */
  public readonly killed: Promise<'killed'>;
  private onKilled: () => void = () => {};
  private dead = false;

  public constructor(
    private readonly interruption: Interruption | undefined,
    /** Called after every call that had its effect. */
    private readonly afterCall: () => void = () => {},
  ) {
    this.killed = new Promise((resolve) => {
      this.onKilled = () => resolve('killed');
    });
  }

  /** The object with each of its functions counted, and of its objects those that are named. */
  public wrap<T extends object>(
    target: T,
    objects: readonly (keyof T)[],
    uncounted: readonly (keyof T)[],
  ): T {
    const wrapped: Functions = {};
    for (const key of namesOf(target)) {
      const value = (target as Functions)[key];
      if (uncounted.includes(key as keyof T)) wrapped[key] = value;
      else if (typeof value === 'function')
        wrapped[key] = (...args: unknown[]) => this.call(() => value.apply(target, args));
      else
        wrapped[key] = objects.includes(key as keyof T)
          ? this.wrap(value as object, [], [])
          : value;
    }
    return wrapped as T;
  }

  private async call(work: () => unknown): Promise<unknown> {
    const number = this.calls;
    this.calls += 1;
    const how = number === this.interruption?.call ? this.interruption.how : undefined;
    if (how === 'killed before') this.kill();
    if (this.dead) return new Promise(() => {});
    if (how === 'fails') throw new Error('the call failed');
    const result = await work();
    this.afterCall();
    if (how === 'killed after') this.kill();
    if (this.dead) return new Promise(() => {});
    if (how === 'fails after its effect') throw new Error('the answer was lost');
    return result;
  }

  private kill(): void {
    this.dead = true;
    this.onKilled();
  }
}

/** Methods of a class are not its objects' own. */
function namesOf(target: object): string[] {
  const prototype = Object.getPrototypeOf(target) as object | null;
  const inherited =
    prototype === null || prototype === Object.prototype
      ? []
      : Object.getOwnPropertyNames(prototype);
  return [...new Set([...Object.keys(target), ...inherited])].filter(
    (name) => name !== 'constructor',
  );
}
