import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { close, listen } from './http-server';
import type { Modes } from './modes';
import { getOnce, Sender } from './sender';
import { FakeRakutenService } from './service';
import type {
  ApiCall,
  ApiOutcome,
  Behaviour,
  FakeRakutenOptions,
  Fault,
  LineRecord,
  PushResult,
  PushStatistics,
  Slot,
} from './types';

export { DEFAULT_MODES, drawModes, type Modes } from './modes';
export type {
  ApiCall,
  Behaviour,
  FakeRakutenOptions,
  Fault,
  LineRecord,
  Operation,
  PushResult,
  PushStatistics,
  Slot,
} from './types';

/** A stand-in for Rakuten's token, postback and events calls, with the sender behind them. */
export class FakeRakuten {
  /** Every call in order, the token and events calls too, with bodies. */
  public readonly calls: readonly ApiCall[];
  /** Answers where Rakuten's documentation is silent; may be changed at any time. */
  public readonly behaviour: Behaviour;

  public constructor(
    private readonly service: FakeRakutenService,
    private readonly sender: Sender,
    private readonly server: http.Server,
  ) {
    this.calls = service.calls;
    this.behaviour = service.behaviour;
  }

  /** Base URL of the API, `http://127.0.0.1:<port>`. */
  public get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  public close(): Promise<void> {
    return close(this.server);
  }

  /** The content of the publisher's slot. */
  public slot(sid: string): Slot | undefined {
    return this.service.slots.get(sid);
  }

  /**
   * Changes the slot as another program or a person in the portal would. `undefined` empties it.
   */
  public setSlot(sid: string, slot: Slot | undefined): void {
    this.service.slots.set(sid, slot);
  }

  /** Every recorded line of the publisher. */
  public ledger(sid: string): LineRecord[] {
    return this.service.ledger(sid);
  }

  /**
   * Rakuten learns of a line: from now on the Events API returns it. Does not push it.
   *
   * @param options.reusesId the line is another one under the same ID; both stay
   */
  public record(line: LineRecord, options?: { readonly reusesId?: boolean }): void {
    this.service.record(line, options);
  }

  /** The advertiser eliminates a line: the Events API returns it no more. */
  public eliminate(line: LineRecord): void {
    this.service.eliminate(line);
  }

  /** How Rakuten treats this publisher. Modes that are left out are the default. */
  public setModes(sid: string, modes: Partial<Modes>): void {
    this.service.setModes(sid, modes);
  }

  /** One push of the line to the registered URL. Does not record it. */
  public push(line: LineRecord): Promise<PushResult> {
    return this.sender.push(line);
  }

  public statistics(sid: string): PushStatistics {
    return this.sender.statistics(sid);
  }

  /** The management calls in order: `/v1/postback…` only. */
  public get requests(): Pick<ApiCall, 'method' | 'path' | 'status'>[] {
    const calls = this.calls.filter(({ path }) => path.startsWith('/v1/postback'));
    return calls.map(({ method, path, status }) => ({ method, path, status }));
  }

  /** Lets something go wrong. */
  public fault(fault: Fault): void {
    this.service.faults.add(fault);
  }

  public clearFaults(): void {
    this.service.faults.clear();
  }

  /** Makes every token that was handed out invalid. */
  public expireTokens(): void {
    this.service.tokens.expireAll();
  }
}

export async function startFakeRakuten(options: FakeRakutenOptions): Promise<FakeRakuten> {
  // The service forgives the sender's count when a postback is enabled; the sender needs the
  // service's slots.
  let sender: Sender | undefined;
  const service = new FakeRakutenService(options, options.now ?? Date.now, (sid) =>
    sender?.forgive(sid),
  );
  sender = new Sender(
    service.slots,
    options.timeoutMillis ?? 400,
    options.autoDisableAfter ?? 10,
    getOnce,
    (sid) => service.modesOf(sid),
  );
  const server = http.createServer((request, response) => {
    serve(service, request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await listen(server, options.port ?? 0);
  return new FakeRakuten(service, sender, server);
}

async function serve(
  service: FakeRakutenService,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const outcome = service.handle({
    method: request.method ?? '',
    path: request.url ?? '',
    authorization: request.headers.authorization,
    body: Buffer.concat(chunks).toString('utf8'),
  });
  if (outcome.delayMillis > 0)
    await new Promise((resolve) => setTimeout(resolve, outcome.delayMillis));
  render(outcome, response, service.calls.length);
}

function render(
  { connection, answer }: ApiOutcome,
  response: http.ServerResponse,
  requestNumber: number,
): void {
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
