import type { Terminal } from './terminal';

const REDRAW_MILLIS = 200;

/** Counts what passes and tells on standard error: a line that is drawn over on a terminal, else only the end. */
export class Progress {
  total = 0;
  private readonly started = performance.now();
  private drawn = 0;

  constructor(
    private readonly terminal: Terminal,
    private readonly quiet: boolean,
  ) {}

  async *count<T>(values: AsyncIterable<T>): AsyncGenerator<T> {
    for await (const value of values) {
      this.total += 1;
      this.draw();
      yield value;
    }
  }

  done(file: string | undefined): void {
    if (this.quiet) return;
    const seconds = Math.max((performance.now() - this.started) / 1000, 0.001);
    const rate = seconds < 1 ? '' : `, ${numberText(Math.round(this.total / seconds))} a second`;
    this.write(
      `${numberText(this.total)} ${this.total === 1 ? 'line' : 'lines'}${file === undefined ? '' : ` in ${file}`} (${seconds.toFixed(1)} s${rate})\n`,
    );
  }

  private draw(): void {
    const now = performance.now();
    if (this.quiet || this.terminal.stderr.isTTY !== true || now - this.drawn < REDRAW_MILLIS) return;
    this.drawn = now;
    this.write(`${numberText(this.total)} lines …`);
  }

  /** On a terminal over what was drawn before. */
  private write(text: string): void {
    this.terminal.stderr.write(this.drawn > 0 ? `\r\u001b[K${text}` : text);
  }
}

const numberText = (value: number): string => value.toLocaleString('en-US');
