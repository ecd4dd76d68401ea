import type { KeyedAnswer } from './answer';

/** More than a part of a window has, unless thousands of lines were processed in one second. */
const MAX_REMEMBERED = 20_000;

/**
 * The lines that a walk may bring again: those of its present part, as a part can be cut and read
 * again, and those of the second at which two parts meet. Without this they would be counted twice.
 */
export class SeenLines {
  private readonly seconds = new Map<string, number>();

  /** Whether the line comes for the first time in this form. */
  isNew({ answer: { query, fields } }: KeyedAnswer): boolean {
    if (this.seconds.has(query)) return false;
    if (this.seconds.size < MAX_REMEMBERED) this.seconds.set(query, Date.parse(fields.process_date ?? ''));
    return true;
  }

  /** Nothing that was processed before this time comes again. Milliseconds since 1970. */
  forgetBefore(time: number): void {
    for (const [query, second] of this.seconds) if (!(second >= time)) this.seconds.delete(query);
  }
}
