import type { FaultPlan } from './proxy';
import type { World } from './world';

/** Something that a function has to do, disturbed at one call of it. */
export interface Scenario {
  /** Name of the bundle. */
  readonly handler: string;
  readonly title: string;
  /** What comes after an invocation that did not do all, by itself. */
  readonly next: string;
  /** @param plan of what goes wrong; absent where nothing does */
  begin(world: World, serial: number, plan?: FaultPlan): Promise<Case>;
}

export interface Case {
  /** The invocation that is disturbed. Returns how it ended, in a few words; the same words each time all is done. */
  act(): Promise<string>;
  /** What must not be, right after it. */
  wrongAtOnce(): Promise<readonly string[]>;
  /** What AWS, the schedule or a person does next, undisturbed. */
  recover(): Promise<void>;
  /** What must not be in the end. */
  wrongInTheEnd(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export const headingOf = ({ handler, title }: Pick<Scenario, 'handler' | 'title'>): string => `${handler}: ${title}`;

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
