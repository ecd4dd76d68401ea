import type { DeliveredLine } from '../store/merge';

/** More than a part of a window has, unless thousands of lines were processed in one second. Then a few are compared twice, which does no harm. */
const MAX_REMEMBERED = 20_000;

/**
 * The lines that a walk may bring again: those of the part it is in, as a part can be cut and read anew, and those of the second at which two parts meet.
 * Without this they would be sent and counted twice.
 */
export class SeenLines {
  private readonly seconds = new Map<string, number>();

  /** Whether the line, told in these words, comes for the first time. */
  isNew({ query, fields }: DeliveredLine): boolean {
    if (this.seconds.has(query)) return false;
    if (this.seconds.size < MAX_REMEMBERED) this.seconds.set(query, Date.parse(fields.process_date ?? ''));
    return true;
  }

  /** Nothing that was processed before this time comes again. Milliseconds since 1970. */
  forgetBefore(time: number): void {
    for (const [query, second] of this.seconds) if (!(second >= time)) this.seconds.delete(query);
  }
}
