import type { Fault, Operation } from './types';

/** The faults that are switched on, each with the calls it has seen. */
export class Faults {
  private active: { fault: Fault; seen: number }[] = [];

  public add(fault: Fault): void {
    this.active.push({ fault, seen: 0 });
  }

  public clear(): void {
    this.active = [];
  }

  /** The fault that hits this call, if any; every fault that matches counts the call. */
  public next(operation: Operation | 'unknown'): Fault | undefined {
    let hit: Fault | undefined;
    for (const entry of this.active) {
      if (!matches(entry.fault, operation)) continue;
      const { skip = 0, times = 1 } = entry.fault;
      if (hit === undefined && entry.seen >= skip && entry.seen < skip + times) hit = entry.fault;
      entry.seen += 1;
    }
    return hit;
  }
}

function matches(fault: Fault, operation: Operation | 'unknown'): boolean {
  if (fault.operation === undefined) return true;
  return Array.isArray(fault.operation)
    ? fault.operation.includes(operation)
    : fault.operation === operation;
}
