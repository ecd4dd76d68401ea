/** Shows warnings and errors of the functions, each kind once: a thousand messages that fail for one reason are one line here. */
export class Complaints {
  private readonly counts = new Map<string, number>();

  public constructor(private readonly show: (text: string) => void) {}

  /** Reads one line that a function wrote; shows it when it is a complaint of a new kind. */
  public read(functionName: string, line: string): void {
    const text = complaint(line);
    if (text !== undefined) this.add(`${functionName}: ${text}`);
  }

  public add(text: string): void {
    const count = (this.counts.get(text) ?? 0) + 1;
    this.counts.set(text, count);
    if (count === 1) this.show(text);
  }

  /** What was said more than once, with how often. */
  public repeated(): [text: string, count: number][] {
    return [...this.counts].filter(([, count]) => count > 1);
  }
}

/** The message and the reason of a structured log line at WARN or above, or a line that is no JSON at all. */
function complaint(line: string): string | undefined {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line.trim() === '' ? undefined : line;
  }
  if (!/^(WARN|ERROR|CRITICAL|FATAL)$/i.test(String(entry?.level))) return undefined;
  const reason = entry.reason ?? (entry.error as { message?: unknown } | undefined)?.message;
  return [entry.level, entry.message, reason].filter((part) => part !== undefined).join(' ');
}
