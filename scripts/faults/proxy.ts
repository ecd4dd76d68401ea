import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { close, listen } from '../../local/http-server';

/** What happens to a call. */
export const FAULTS = {
  error: 'answers 500',
  throttle: 'throttles',
  cut: 'closes the connection, nothing done',
  timeout: 'does not answer',
  lost: 'does it, the answer is lost',
  partial: 'does a part of the batch',
} as const;
export type FaultKind = keyof typeof FAULTS;

/** Which call of a run is hit: the `nth` (from 0) under this name, and all later ones of that name if it lasts. */
export interface FaultPlan {
  readonly call: string;
  readonly nth: number;
  readonly kind: FaultKind;
  readonly lasts: boolean;
}

type Answer = { readonly status: number; readonly headers: http.IncomingHttpHeaders; readonly body: Buffer };
type Handle = (request: { readonly call: string; readonly body: Buffer; readonly path: string }) => Answer;

/** Calls whose answer can say that a part of them failed, with the name of the list that is asked for. */
const BATCHES: Readonly<Record<string, string>> = { 'sqs SendMessageBatch': 'Entries', 'events PutEvents': 'Entries' };

/** Stands between a function and its services: names each call of a run in order, and lets the planned one go wrong. */
export class Faults {
  /** Names of the calls since `begin`, in order. */
  calls: string[] = [];
  private plan: FaultPlan | undefined;
  /** Whether the planned call came at all. */
  hit = false;
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
    const call = nameOf(service, request);
    const forward = (text: Buffer = body): Promise<Answer> | Answer =>
      typeof target === 'string' ? this.forward(target, request, text) : target({ call, body: text, path: request.url ?? '' });
    switch (this.next(call)) {
      case undefined:
        return answer(response, await forward());
      case 'error':
        return answer(response, refusal(500, 'InternalServerError'));
      case 'throttle':
        return answer(response, service === 'rakuten' ? refusal(429, 'TooManyRequests') : refusal(400, 'ThrottlingException'));
      case 'cut':
        response.destroy();
        return;
      case 'timeout':
        return;
      case 'lost':
        await forward();
        response.destroy();
        return;
      case 'partial':
        return answer(response, await partly(call, body, forward));
    }
  }

  private next(call: string): FaultKind | undefined {
    const seen = this.calls.filter((earlier) => earlier === call).length;
    this.calls.push(call);
    if (this.plan?.call !== call || seen < this.plan.nth || (seen > this.plan.nth && !this.plan.lasts)) return undefined;
    this.hit = true;
    return this.plan.kind;
  }

  private forward(target: string, request: http.IncomingMessage, asked: Buffer): Promise<Answer> {
    // A queue is named by a URL, which leads here.
    const body = Buffer.from(asked.toString().replaceAll(`http://${request.headers.host}`, target));
    return new Promise((resolve, reject) => {
      const headers = { ...request.headers, host: new URL(target).host, 'content-length': String(body.length) };
      const onward = http.request(`${target}${request.url}`, { method: request.method, headers, agent: this.agent }, (answered) => {
        const chunks: Buffer[] = [];
        answered.on('data', (chunk: Buffer) => chunks.push(chunk));
        answered.on('end', () => resolve({ status: answered.statusCode ?? 0, headers: answered.headers, body: Buffer.concat(chunks) }));
      });
      onward.on('error', reject);
      onward.end(body);
    });
  }
}

/** `dynamodb PutItem`, `rakuten POST /v1/postback`. */
function nameOf(service: string, { headers, method, url = '' }: http.IncomingMessage): string {
  const operation = String(headers['x-amz-target'] ?? '').split('.')[1];
  if (operation !== undefined) return `${service} ${operation}`;
  if (service === 'lambda') return 'lambda Invoke';
  return `${service} ${method} ${url.split('?', 1)[0]}`.replace(/\/\d+$/, '/<sid>');
}

const refusal = (status: number, type: string): Answer => ({
  status,
  headers: { 'content-type': 'application/x-amz-json-1.0' },
  body: Buffer.from(JSON.stringify({ __type: type, message: 'a fault on purpose' })),
});

/** The first half is done; of the rest the answer says that it was not. */
async function partly(call: string, body: Buffer, forward: (text: Buffer) => Promise<Answer> | Answer): Promise<Answer> {
  const list = BATCHES[call];
  if (list === undefined) throw new Error(`${call} is no batch`);
  const asked = JSON.parse(body.toString()) as Record<string, { Id?: string }[]>;
  const entries = asked[list] ?? [];
  const done = entries.slice(0, Math.floor(entries.length / 2));
  const failed = entries.slice(done.length);
  const answered =
    done.length === 0
      ? { Entries: [] }
      : JSON.parse((await forward(Buffer.from(JSON.stringify({ ...asked, [list]: done })))).body.toString());
  const said =
    call === 'sqs SendMessageBatch'
      ? { Successful: answered.Successful ?? [], Failed: failed.map(({ Id }) => ({ Id, Code: 'InternalError', SenderFault: false })) }
      : {
          FailedEntryCount: failed.length,
          Entries: [...answered.Entries, ...failed.map(() => ({ ErrorCode: 'InternalFailure', ErrorMessage: 'a fault on purpose' }))],
        };
  return { status: 200, headers: { 'content-type': 'application/x-amz-json-1.0' }, body: Buffer.from(JSON.stringify(said)) };
}

export const isBatch = (call: string): boolean => call in BATCHES;

function answer(response: http.ServerResponse, { status, headers, body }: Answer): void {
  const { 'transfer-encoding': _, connection: __, ...rest } = headers;
  response.writeHead(status, { ...rest, 'content-length': body.length }).end(body);
}
