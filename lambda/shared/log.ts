/**
 * Structured log lines, one JSON document each, as CloudWatch Logs Insights reads them. Values of
 * postbacks do not belong in them.
 */
export class Log {
  constructor(
    private readonly service: string,
    private readonly functionRequestId?: string,
  ) {}

  /** The log of one invocation: its lines carry the id that Lambda gave it. */
  of({ awsRequestId }: { readonly awsRequestId: string }): Log {
    return new Log(this.service, awsRequestId);
  }

  info(message: string, details: Readonly<Record<string, unknown>> = {}): void {
    this.write('INFO', message, details);
  }

  warn(message: string, details: Readonly<Record<string, unknown>> = {}): void {
    this.write('WARN', message, details);
  }

  error(message: string, details: Readonly<Record<string, unknown>> = {}): void {
    this.write('ERROR', message, details);
  }

  private write(level: string, message: string, details: Readonly<Record<string, unknown>>): void {
    const { service, functionRequestId } = this;
    const line = {
      level,
      message,
      timestamp: new Date().toISOString(),
      service,
      function_request_id: functionRequestId,
      ...details,
    };
    // Not `console.log`, to which Lambda adds a prefix that is no JSON.
    process.stdout.write(`${JSON.stringify(line)}\n`);
  }
}
