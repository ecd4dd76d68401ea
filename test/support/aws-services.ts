import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LocalFunction } from '../../local/lambda/local-function';

/** An event that somebody put on the default bus. */
export interface BusEvent {
  readonly source: string;
  readonly detailType: string;
  readonly detail: Record<string, unknown>;
}

/**
 * As much of EventBridge and of Lambda's API as the functions call: no embedded server plays them.
 */
export class AwsServices {
  readonly events: BusEvent[] = [];
  /** Asynchronous invocations, each with how it ends. */
  readonly invocations: { readonly event: unknown; readonly done: Promise<unknown> }[] = [];
  /** While set, every call is answered with this status. */
  status: number | undefined;
  private readonly server = createServer((request, response) => void this.serve(request, response));

  private constructor(private readonly functions: () => Iterable<LocalFunction>) {}

  static async start(functions: () => Iterable<LocalFunction>): Promise<AwsServices> {
    const services = new AwsServices(functions);
    services.server.listen(0, '127.0.0.1');
    await once(services.server, 'listening');
    return services;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Variables that lead a function's calls here. */
  get variables(): Record<string, string> {
    return { AWS_ENDPOINT_URL_EVENTBRIDGE: this.endpoint, AWS_ENDPOINT_URL_LAMBDA: this.endpoint };
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString() || '{}');
    if (this.status !== undefined) return end(response, this.status, { message: 'out of order' });
    if (request.headers['x-amz-target'] === 'AWSEvents.PutEvents')
      return end(response, 200, this.putEvents(body.Entries));
    const name = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(
      decodeURIComponent(request.url ?? ''),
    )?.[1];
    const fn = [...this.functions()].find((candidate) => candidate.name === name);
    if (fn === undefined) return end(response, 404, { message: `no function ${name}` });
    await this.invoke(fn, body, request.headers['x-amz-invocation-type'] === 'Event', response);
  }

  private putEvents(
    entries: { Source: string; DetailType: string; Detail: string; EventBusName?: string }[],
  ) {
    for (const { Source, DetailType, Detail, EventBusName } of entries) {
      if (EventBusName !== undefined) throw new Error('events go to the default bus');
      this.events.push({ source: Source, detailType: DetailType, detail: JSON.parse(Detail) });
    }
    return {
      FailedEntryCount: 0,
      Entries: entries.map((_, index) => ({ EventId: String(index) })),
    };
  }

  private async invoke(
    fn: LocalFunction,
    event: unknown,
    isAsynchronous: boolean,
    response: ServerResponse,
  ): Promise<void> {
    if (isAsynchronous) {
      const done = fn.invoke(event);
      // Whoever waits for it sees how it failed.
      done.catch(() => {});
      this.invocations.push({ event, done });
      return end(response, 202);
    }
    try {
      end(response, 200, await fn.invoke(event));
    } catch (error) {
      const { errorType, message } = error as Error & { errorType?: string };
      response.setHeader('x-amz-function-error', 'Unhandled');
      end(response, 200, { errorType, errorMessage: message });
    }
  }
}

function end(response: ServerResponse, status: number, body?: unknown): void {
  response
    .writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
    .end(body === undefined ? '' : JSON.stringify(body));
}
