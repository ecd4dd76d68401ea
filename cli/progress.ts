import { cellText } from '../core/terminal-text';
import type { CommandContext } from './command';
import { eraseLine, type OutputStream, type Terminal, write } from './terminal';
import { cut } from './text';

/** A command that ends before needs no progress. */
const FIRST_DRAW_MILLIS = 2000;
const REDRAW_MILLIS = 500;

/** A line on standard error that is redrawn in place. Nothing where that is not a terminal. */
export class StatusLine {
  private isDrawn = false;

  constructor(
    private readonly stderr: OutputStream,
    private readonly isQuiet: boolean,
  ) {}

  draw(text: string): void {
    if (this.isQuiet || this.stderr.isTTY !== true) return;
    this.erase();
    // A line that wraps could not be erased.
    void write(this.stderr, cut(cellText(text), (this.stderr.columns ?? 80) - 1));
    this.isDrawn = true;
  }

  /** Erases the line before other output. */
  erase(): void {
    if (this.isDrawn) eraseLine(this.stderr);
    this.isDrawn = false;
  }
}

/**
 * Counts values on their way, and shows the number on a terminal's standard error after two
 * seconds.
 */
export class Progress {
  total = 0;
  private readonly started = performance.now();
  private readonly line: StatusLine;
  private readonly timer: NodeJS.Timeout;

  /** @param noun what is counted. Without it only the time is shown */
  constructor(
    terminal: Terminal,
    isQuiet: boolean,
    private readonly noun: string | undefined,
  ) {
    this.line = new StatusLine(terminal.stderr, isQuiet);
    // A command may wait long for the first value.
    this.timer = setInterval(() => this.draw(), REDRAW_MILLIS).unref();
  }

  async *count<T>(values: AsyncIterable<T>): AsyncGenerator<T> {
    for await (const value of values) {
      this.total += 1;
      yield value;
    }
  }

  /** Erases the line before other output. */
  erase(): void {
    this.line.erase();
  }

  stop(): void {
    clearInterval(this.timer);
    this.erase();
  }

  /** `1,200 lines (3.1 s, 387 per second)` */
  summary(file: string | undefined): string {
    const seconds = this.seconds;
    const rate = seconds < 1 ? '' : `, ${numberText(Math.round(this.total / seconds))} per second`;
    return `${this.counted}${file === undefined ? '' : ` in ${file}`} (${seconds.toFixed(1)} s${rate})`;
  }

  private get seconds(): number {
    return (performance.now() - this.started) / 1000;
  }

  private get counted(): string {
    if (this.noun === undefined) return 'reading';
    return `${numberText(this.total)} ${this.total === 1 ? this.noun.replace(/s$/, '') : this.noun}`;
  }

  private draw(): void {
    if (this.seconds * 1000 >= FIRST_DRAW_MILLIS)
      this.line.draw(`${this.counted}, ${Math.floor(this.seconds)} s …`);
  }
}

export const numberText = (value: number): string => value.toLocaleString('en-US');

/** Runs the work of a command, with progress on a terminal that shows no JSON. */
export async function withProgress<R>(
  { terminal, options }: CommandContext,
  noun: string | undefined,
  work: (progress: Progress) => Promise<R>,
): Promise<R> {
  const progress = new Progress(
    terminal,
    options.json === true && terminal.stdout.isTTY === true,
    noun,
  );
  try {
    return await work(progress);
  } finally {
    progress.stop();
  }
}
