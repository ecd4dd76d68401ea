import type { EventsWindow } from '../rakuten/events';
import { type Position, type WalkOptions, walk } from '../rakuten/events-walk';
import { comparePage, type RunIdentity } from './compare-page';
import { addCounts, type Counts, NO_COUNTS } from './counts';
import type { ComparisonPorts } from './ports';
import { SeenLines } from './seen-lines';

export interface RunPlan extends RunIdentity {
  readonly window: EventsWindow;
  /** Where an earlier run over a window with this end stood. @default - the beginning of the window */
  readonly start?: Position;
  readonly walk?: WalkOptions;
}

export interface RunPorts extends ComparisonPorts {
  /** Whether the run must end at the next page. */
  readonly isTimeUp: () => boolean;
  /** Called after each page, when all of it is in the queue. `reached` is a `process_date` in milliseconds: what lies before is compared. */
  readonly onProgress?: (progress: { readonly reached: number; readonly counts: Counts }) => Promise<void> | void;
}

export interface RunResult {
  readonly counts: Counts;
  /** Where to go on; undefined when the window is done. */
  readonly next: Position | undefined;
}

/**
 * Compares what Rakuten holds in a window with what the table holds, and sends what the table lacks. Only one page is in memory at a time. A run that is cut off,
 * or that throws, has lost nothing: reading the same window again finds what is left.
 */
export async function run(plan: RunPlan, ports: RunPorts): Promise<RunResult> {
  let counts = NO_COUNTS;
  const seen = new SeenLines();
  for await (const { records, next } of walk(ports.readPage, plan.window, plan.walk, plan.start)) {
    counts = addCounts(counts, await comparePage(records, plan, ports, seen));
    if (next !== undefined && next.part === undefined) seen.forgetBefore(next.from);
    await ports.onProgress?.({ reached: next?.from ?? plan.window.to, counts });
    if (next !== undefined && ports.isTimeUp()) return { counts, next };
  }
  return { counts, next: undefined };
}
