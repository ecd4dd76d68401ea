import type { OutputStream, Terminal } from './terminal';

const REDRAW_MILLIS = 200;
const ERASE_LINE = '\r\u001b[K';

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
    this.stderr.write(text.slice(0, (this.stderr.columns ?? 80) - 1));
    this.isDrawn = true;
  }

  /** Erases the line before other output. */
  erase(): void {
    if (this.isDrawn) this.stderr.write(ERASE_LINE);
    this.isDrawn = false;
  }
}

/** Counts lines on their way, and shows the number on standard error: all the time on a terminal, else at the end. */
export class Progress {
  total = 0;
  private readonly started = performance.now();
  private readonly line: StatusLine;
  private drawnAt = 0;

  constructor(
    private readonly terminal: Terminal,
    private readonly isQuiet: boolean,
  ) {
    this.line = new StatusLine(terminal.stderr, isQuiet);
  }

  async *count<T>(values: AsyncIterable<T>): AsyncGenerator<T> {
    for await (const value of values) {
      this.total += 1;
      this.draw();
      yield value;
    }
  }

  done(file: string | undefined): void {
    this.line.erase();
    if (this.isQuiet) return;
    const seconds = Math.max((performance.now() - this.started) / 1000, 0.001);
    const rate = seconds < 1 ? '' : `, ${numberText(Math.round(this.total / seconds))} per second`;
    const lines = `${numberText(this.total)} ${this.total === 1 ? 'line' : 'lines'}`;
    this.terminal.stderr.write(`${lines}${file === undefined ? '' : ` in ${file}`} (${seconds.toFixed(1)} s${rate})\n`);
  }

  private draw(): void {
    const now = performance.now();
    if (now - this.drawnAt < REDRAW_MILLIS) return;
    this.drawnAt = now;
    this.line.draw(`${numberText(this.total)} lines …`);
  }
}

export const numberText = (value: number): string => value.toLocaleString('en-US');
