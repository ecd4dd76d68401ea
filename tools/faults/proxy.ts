import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { close, listen } from '../../fake-rakuten/http-server';
import { nameOf } from './call-name';
import { doHalf } from './partial';

/** What happens to a call, in the order of the tables' columns. */
export const FAULTS = {
  error: 'answers 500',
  throttle: 'throttles',
  cut: 'closes the connection, nothing done',
  lost: 'does it, the answer is lost',
  timeout: 'does not answer',
  partial: 'does a part of the batch',
} as const;
export type FaultKind = keyof typeof FAULTS;

/** Which call of a run is hit: the `nth` (from 0) under this name. */
export interface FaultPlan {
  readonly call: string;
  readonly nth: number;
  readonly kind: FaultKind;
  /** That call alone, all later ones under its name too, or all later ones to its service. */
  readonly reach: 'once' | 'call' | 'service';
}

type Answer = {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
};
/** Answers in place of a service. */
export type Handle = (body: Buffer) => Answer;

export const serviceOf = (call: string): string => String(call.split(' ')[0]);

/** Proxy between a function and its services. Names each call, and makes the planned one fail. */
export class Faults {
  /** Names of the calls since `begin`, in order. */
  calls: string[] = [];
  private plan: FaultPlan | undefined;
  /** Whether the planned call came at all. */
  hit = false;
  /** Sees each request before anything happens to it. */
  observe?: (service: string, request: http.IncomingMessage, body: Buffer) => void;
  private readonly servers: http.Server[] = [];
  private readonly agent = new http.Agent({ keepAlive: true });

  begin(plan?: FaultPlan): void {
    this.calls = [];
    this.hit = false;
    this.plan = plan;
  }

  /** A server in front of another one, or in place of one. Returns its base URL. */
  async front(service: string, target: string | Handle): Promise<string> {
    const server = http.createServer((request, response) => {
      this.serve(service, target, request, response).catch(() => response.destroy());
    });
    await listen(server, 0);
    this.servers.push(server);
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.agent.destroy();
    await Promise.all(this.servers.map(close));
  }

  private async serve(
    service: string,
    target: string | Handle,
    request: http.IncomingMessage,
    response: http.ServerResponse,
  ): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    this.observe?.(service, request, body);
    const call = nameOf(service, request, body);
    const forward = async (asked: Buffer): Promise<Answer> =>
      typeof target === 'string' ? this.forward(target, request, asked) : target(asked);
    switch (this.next(call)) {
      case undefined:
        return answer(response, await forward(body));
      case 'error':
        return answer(
          response,
          json(500, { __type: 'InternalServerError', message: 'a fault on purpose' }),
        );
      case 'throttle':
        return answer(
          response,
          service === 'rakuten' ? json(429, { message: 'TooManyRequests' }) : json(400, THROTTLED),
        );
      case 'cut':
        response.destroy();
        return;
      case 'timeout':
        return;
      case 'lost':
        await forward(body);
        response.destroy();
        return;
      case 'partial': {
        const text = await doHalf(call, body.toString(), async (asked) =>
          (await forward(Buffer.from(asked))).body.toString(),
        );
        return answer(response, { ...json(200, {}), body: Buffer.from(text) });
      }
    }
  }

  private next(call: string): FaultKind | undefined {
    const { plan } = this;
    const nth = this.calls.filter((earlier) => earlier === call).length;
    this.calls.push(call);
    if (plan === undefined) return undefined;
    const isPlanned = plan.call === call && plan.nth === nth;
    if (!isPlanned && !(this.hit && reaches(plan, call))) return undefined;
    this.hit = true;
    return plan.kind;
  }

  private forward(target: string, request: http.IncomingMessage, asked: Buffer): Promise<Answer> {
    // A queue is named by a URL, which leads here.
    const body = Buffer.from(asked.toString().replaceAll(`http://${request.headers.host}`, target));
    return new Promise((resolve, reject) => {
      const headers = {
        ...request.headers,
        host: new URL(target).host,
        'content-length': String(body.length),
      };
      const onward = http.request(
        `${target}${request.url}`,
        { method: request.method, headers, agent: this.agent },
        (answered) => {
          const chunks: Buffer[] = [];
          answered.on('data', (chunk: Buffer) => chunks.push(chunk));
          answered.on('end', () =>
            resolve({
              status: answered.statusCode ?? 0,
              headers: answered.headers,
              body: Buffer.concat(chunks),
            }),
          );
        },
      );
      onward.on('error', reject);
      onward.end(body);
    });
  }
}

/** Whether a call that comes after the planned one is hit as well. */
const reaches = ({ call, reach }: FaultPlan, later: string): boolean =>
  reach === 'call' ? later === call : reach === 'service' && serviceOf(later) === serviceOf(call);

/** Whether Rakuten does not come back. A function then waits as long as it has time. */
export const isRakutenGone = (plan: FaultPlan | undefined): boolean =>
  plan !== undefined && plan.reach !== 'once' && serviceOf(plan.call) === 'rakuten';

const THROTTLED = { __type: 'ThrottlingException', message: 'a fault on purpose' };

export const json = (status: number, body: object): Answer => ({
  status,
  headers: { 'content-type': 'application/x-amz-json-1.0' },
  body: Buffer.from(JSON.stringify(body)),
});

function answer(response: http.ServerResponse, { status, headers, body }: Answer): void {
  const { 'transfer-encoding': _, connection: __, ...rest } = headers;
  response.writeHead(status, { ...rest, 'content-length': body.length }).end(body);
}
