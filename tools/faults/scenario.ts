import type { FaultPlan } from './proxy';
import type { World } from './world';

/** A task of a function, disturbed at one of its calls. */
export interface Scenario {
  /** Name of the bundle. */
  readonly handler: string;
  readonly title: string;
  /** What happens by itself after an invocation that did not do all. */
  readonly next: string;
  /** @param plan the fault; absent if there is none */
  begin(world: World, serial: number, plan?: FaultPlan): Promise<Case>;
}

export interface Case {
  /** The disturbed invocation. Returns its outcome in words, the same whenever all is done. */
  act(): Promise<string>;
  /** Violations right after it. */
  wrongAtOnce(): Promise<readonly string[]>;
  /** What AWS, the schedule or a person does next, undisturbed. */
  recover(): Promise<void>;
  /** Violations in the end. */
  wrongInTheEnd(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export const headingOf = ({ handler, title }: Pick<Scenario, 'handler' | 'title'>): string =>
  `${handler}: ${title}`;

export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
