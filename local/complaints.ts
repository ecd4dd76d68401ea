/** Shows each kind of warning or error of the functions once, however often it occurs. */
export class Complaints {
  private readonly counts = new Map<string, number>();

  public constructor(private readonly show: (text: string) => void) {}

  /** Reads one line of a function's output; shows it if it is a new kind of complaint. */
  public read(functionName: string, line: string): void {
    const text = complaint(line);
    if (text !== undefined) this.add(`${functionName}: ${text}`);
  }

  public add(text: string): void {
    const count = (this.counts.get(text) ?? 0) + 1;
    this.counts.set(text, count);
    if (count === 1) this.show(text);
  }

  /** Complaints that occurred more than once, with their numbers. */
  public repeated(): [text: string, count: number][] {
    return [...this.counts].filter(([, count]) => count > 1);
  }
}

/** Message and reason of a structured log line at WARN or above, or a line that is not JSON. */
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
