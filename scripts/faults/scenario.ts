import type { Services } from './world';

/** Something that a function has to do, disturbed at one call of it. */
export interface Scenario {
  /** Name of the bundle. */
  readonly handler: string;
  readonly title: string;
  /** What comes after an invocation that did not do all, by itself. */
  readonly next: string;
  begin(services: Services, serial: number): Promise<Case>;
}

export interface Case {
  /** The invocation that is disturbed. Returns how it ended, in a few words; the same words each time all is done. */
  act(): Promise<string>;
  /** What must not be, right after it. */
  wrongAtOnce(): Promise<readonly string[]>;
  /** What AWS or the schedule does next by itself, undisturbed. */
  recover(): Promise<void>;
  /** What must not be in the end. */
  wrongInTheEnd(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
