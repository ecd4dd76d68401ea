import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { control } from './control';
import { close, listen } from './http-server';
import type { Modes } from './modes';
import { getOnce, Sender } from './sender';
import { FakeRakutenService } from './service';
import type { ApiCall, ApiOutcome, Behaviour, FakeRakutenOptions, Fault, LineRecord, PushResult, PushStatistics, Slot } from './types';

export { DEFAULT_MODES, drawModes, type Modes } from './modes';
export type { ApiCall, Behaviour, FakeRakutenOptions, Fault, LineRecord, Operation, PushResult, PushStatistics, Slot } from './types';

/** A stand-in for Rakuten's token, postback and events calls, with the sender behind them. */
export interface FakeRakuten {
  /** Base URL of the API, `http://127.0.0.1:<port>`. */
  readonly url: string;
  close(): Promise<void>;
  /** The content of the publisher's slot. */
  slot(sid: string): Slot | undefined;
  /**
   * Changes the slot as another program or a person in the portal would.
   *
   * `undefined` empties it.
   */
  setSlot(sid: string, slot: Slot | undefined): void;
  /** Every recorded line of the publisher. */
  ledger(sid: string): LineRecord[];
  /**
   * Rakuten learns of a line: from now on the Events API returns it. Does not push it.
   *
   * @param options.reusesId the line is another one under the same ID; both stay
   */
  record(line: LineRecord, options?: { readonly reusesId?: boolean }): void;
  /** The advertiser eliminates a line: the Events API returns it no more. */
  eliminate(line: LineRecord): void;
  /** How Rakuten treats this publisher. Modes that are left out are the default. */
  setModes(sid: string, modes: Partial<Modes>): void;
  /** One push of the line to the registered URL. Does not record it. */
  push(line: LineRecord): Promise<PushResult>;
  statistics(sid: string): PushStatistics;
  /** The management calls in order: `/v1/postback…` only. */
  readonly requests: readonly Pick<ApiCall, 'method' | 'path' | 'status'>[];
  /** Every call in order, the token and events calls too, with bodies. */
  readonly calls: readonly ApiCall[];
  /** Answers where Rakuten's documentation is silent; may be changed at any time. */
  readonly behaviour: Behaviour;
  /** Lets something go wrong. */
  fault(fault: Fault): void;
  clearFaults(): void;
  /** Makes every token that was handed out invalid. */
  expireTokens(): void;
}

export async function startFakeRakuten(options: FakeRakutenOptions): Promise<FakeRakuten> {
  // The service forgives the sender's count when a postback is enabled; the sender needs the
  // service's slots.
  let sender: Sender | undefined;
  const service = new FakeRakutenService(options, options.now ?? Date.now, (sid) => sender?.forgive(sid));
  sender = new Sender(service.slots, options.timeoutMillis ?? 400, options.autoDisableAfter ?? 10, getOnce, (sid) => service.modesOf(sid));
  const fake = facade(service, sender);
  const server = http.createServer((request, response) => {
    serve(service, fake, request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await listen(server, options.port ?? 0);
  const { port } = server.address() as AddressInfo;
  return Object.defineProperties(fake, {
    url: { value: `http://127.0.0.1:${port}`, enumerable: true },
    close: { value: () => close(server), enumerable: true },
  }) as FakeRakuten;
}

function facade(service: FakeRakutenService, sender: Sender): Omit<FakeRakuten, 'url' | 'close'> {
  return {
    slot: (sid) => service.slots.get(sid),
    setSlot: (sid, slot) => service.slots.set(sid, slot),
    ledger: (sid) => service.ledger(sid),
    record: (line, how) => service.record(line, how),
    eliminate: (line) => {
      service.eliminate(line);
    },
    setModes: (sid, modes) => service.setModes(sid, modes),
    push: (line) => sender.push(line),
    statistics: (sid) => sender.statistics(sid),
    get requests() {
      return service.calls
        .filter((call) => call.path.startsWith('/v1/postback'))
        .map(({ method, path, status }) => ({ method, path, status }));
    },
    calls: service.calls,
    behaviour: service.behaviour,
    fault: (fault) => service.faults.add(fault),
    clearFaults: () => service.faults.clear(),
    expireTokens: () => service.tokens.expireAll(),
  };
}

async function serve(
  service: FakeRakutenService,
  fake: Omit<FakeRakuten, 'url' | 'close'>,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const call = {
    method: request.method ?? '',
    path: request.url ?? '',
    authorization: request.headers.authorization,
    body: Buffer.concat(chunks).toString('utf8'),
  };
  const controlled = await control(fake, call);
  if (controlled !== undefined) {
    response.writeHead(controlled.status, controlled.headers).end(controlled.body);
    return;
  }
  const outcome = service.handle(call);
  if (outcome.delayMillis > 0) await new Promise((resolve) => setTimeout(resolve, outcome.delayMillis));
  render(outcome, response, service.calls.length);
}

function render({ connection, answer }: ApiOutcome, response: http.ServerResponse, requestNumber: number): void {
  if (connection === 'hang') return;
  if (connection === 'drop') {
    response.destroy();
    return;
  }
  const body = Buffer.from(answer.body);
  response.writeHead(answer.status, {
    ...answer.headers,
    'content-length': body.length,
    'x-request-id': `fake-${requestNumber}`,
  });
  if (connection === 'truncate') {
    response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.destroy());
    return;
  }
  response.end(body);
}
