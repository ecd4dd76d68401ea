import { StatusLine } from '../progress';
import { write } from '../terminal';
import type { DoctorContext } from './examination';
import type { Status } from './finding';
import type { Told } from './run';

const SIGNS: Record<Status, string> = { ok: '✓', warning: '!', problem: '✗', skipped: '·' };
/** The longest name of a check, and a space. */
const NAME_WIDTH = 32;
const WIDEST = 140;

/** Writes findings as they come. */
export class Report {
  private area = '';
  private readonly status: StatusLine;
  private readonly paint: Record<Status, (text: string) => string>;

  constructor(
    private readonly context: DoctorContext,
    private readonly checks: number,
  ) {
    const { colours } = context;
    this.status = new StatusLine(context.terminal.stderr, false);
    this.paint = {
      ok: colours.green,
      warning: colours.yellow,
      problem: colours.red,
      skipped: colours.dim,
    };
  }

  head(installation: string): Promise<void> {
    return this.lines([this.context.colours.bold(`cdk-rakuten-postback doctor: ${installation}`)]);
  }

  /** A line on standard error that is drawn over, on a terminal. */
  progress(running: readonly string[], ended: number): void {
    if (running.length > 0)
      this.status.draw(`${ended} of ${this.checks}: checking ${running.join(', ')} …`);
  }

  clear(): void {
    this.status.erase();
  }

  /** In one piece, so that the progress cannot come in between. */
  findings(findings: readonly Told[]): Promise<void> {
    const lines: string[] = [];
    for (const finding of findings) {
      if (finding.area !== this.area) lines.push('', this.context.colours.bold(finding.area));
      this.area = finding.area;
      lines.push(...this.finding(finding));
    }
    this.clear();
    return this.lines(lines);
  }

  summary(told: readonly Told[], millis: number): Promise<void> {
    const count = (status: Status): number =>
      told.filter((finding) => finding.status === status).length;
    const [problems, warnings, skipped] = [count('problem'), count('warning'), count('skipped')];
    const parts = [
      ...(problems > 0
        ? [this.paint.problem(problems === 1 ? '1 problem' : `${problems} problems`)]
        : []),
      ...(warnings > 0
        ? [this.paint.warning(warnings === 1 ? '1 warning' : `${warnings} warnings`)]
        : []),
      `${count('ok')} in order`,
      ...(skipped > 0 ? [`${skipped} not looked at`] : []),
    ];
    return this.lines([
      '',
      `${parts.join(', ')} (${(millis / 1000).toFixed(1)} s)`,
      'Nothing in here is secret; account ids are shortened. It can be sent to whoever helps you.',
    ]);
  }

  private finding({ status, what, found, mend }: Told): string[] {
    const width = Math.min(this.context.terminal.stdout.columns ?? WIDEST, WIDEST);
    const indent = ' '.repeat(NAME_WIDTH + 4);
    const [first = '', ...more] = wrapped(found, width - indent.length);
    const mends = mend === undefined ? [] : wrapped(`→ ${mend}`, width - indent.length);
    return [
      `  ${this.paint[status](SIGNS[status])} ${what.padEnd(NAME_WIDTH)}${first}`,
      ...more.map((line) => indent + line),
      ...mends.map((line) => indent + this.paint[status](line)),
    ];
  }

  private lines(lines: readonly string[]): Promise<void> {
    return write(this.context.terminal.stdout, `${lines.join('\n')}\n`);
  }
}

/**
 * Words in lines of at most `width` characters; a longer word stays whole, so that a command can be
 * copied.
 */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > Math.max(width, 20)) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
