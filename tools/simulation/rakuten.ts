import {
  HttpFailure,
  type HttpRequest,
  type HttpResponse,
  type HttpSend,
} from '../../core/rakuten/api/http';
import { isSameEndpoint } from '../../core/rakuten/postback/url';
import type {
  Fault,
  LineRecord,
  Modes,
  Operation,
  PushResult,
  PushStatistics,
  Slot,
} from '../../fake-rakuten';
import { modesInWords } from '../../fake-rakuten/modes';
import type { Random } from '../../fake-rakuten/random';
import { Sender } from '../../fake-rakuten/sender';
import { FakeRakutenService } from '../../fake-rakuten/service';
import type { ReturnedLine } from '../../fake-rakuten/types';
import { ENDPOINT_URL } from './endpoint';
import { SID } from './settings';
import type { World } from './world';

export const RAKUTEN_API_URL = 'https://api.rakuten.campaign';
export const RAKUTEN_CREDENTIALS = {
  clientId: 'campaign-client',
  clientSecret: 'campaign-client-secret',
};
export const TRACKER_URL =
  'https://tracker.example/rakuten?token=of-another-party&tid=<etransaction_id>&is_event=<is_event>';

const PUSH_TIMEOUT_MILLIS = 400;
/** Rakuten's own number is not known. */
const AUTO_DISABLE_AFTER = 10;
const CALLS_PER_MINUTE = 100;

/** Called with the lines of each Events API answer that arrives whole. */
export type OnLines = (lines: readonly ReturnedLine[]) => void;

/**
 * The fake Rakuten of the local run on simulated time: its API without a socket, and its sender,
 * whose GETs go straight to the endpoint. What its documentation leaves open is drawn from the
 * seed.
 */
export class SimulatedRakuten {
  private readonly service: FakeRakutenService;
  private readonly sender: Sender;
  private storing: ((url: string) => void) | undefined;

  public constructor(
    private readonly world: World,
    private readonly random: Random,
  ) {
    const { clock, modes, skewMillis } = world;
    const now = (): number => clock.now() + skewMillis;
    let sender: Sender | undefined;
    this.service = new FakeRakutenService(RAKUTEN_CREDENTIALS, now, (sid) => sender?.forgive(sid));
    this.service.setModes(SID, modes);
    sender = new Sender(
      this.service.slots,
      PUSH_TIMEOUT_MILLIS,
      AUTO_DISABLE_AFTER,
      (url, timeout) => this.get(url, timeout),
      () => modes,
    );
    this.sender = sender;
    Object.assign(this.service.behaviour, {
      absent: random.pick(['not-found', 'empty', 'message'] as const),
      createOnTaken: random.pick(['refuse', 'overwrite'] as const),
      deleteAbsent: random.pick(['ok', 'not-found'] as const),
      staleReads: random.integer(0, 2),
      tokenHeader: random.pick(['both', 'bearer', 'basic'] as const),
      eventsOrder: random.pick(['newest-first', 'oldest-first'] as const),
      callsPerMinute: CALLS_PER_MINUTE,
    });
  }

  public record(line: LineRecord, options?: { readonly reusesId?: boolean }): void {
    this.service.record(line, options);
  }

  public eliminate(line: LineRecord): LineRecord | undefined {
    return this.service.eliminate(line);
  }

  /** The lines that the Events API returns at a moment, from the ledger as it is now. */
  public returnedLines(at: number): ReturnedLine[] {
    this.service.setModes(SID, this.world.modes);
    return this.service.returnedLines(SID, at + this.world.skewMillis);
  }

  public get slot(): Slot | undefined {
    return this.service.slots.get(SID);
  }

  /** Another program or a person changes the slot. */
  public setSlot(slot: Slot | undefined): void {
    this.service.slots.set(SID, slot);
    this.world.slotDiary.note(slot);
  }

  public revokeTokens(): void {
    this.service.tokens.expireAll();
  }

  public get statistics(): PushStatistics {
    return this.sender.statistics(SID);
  }

  /** In words: how this Rakuten behaves where its documentation is silent. */
  public get habits(): string {
    const { absent, createOnTaken, staleReads, tokenHeader, eventsOrder } = this.service.behaviour;
    return (
      `${eventsOrder} pages, token header ${tokenHeader}, empty slot ${absent}, create on a taken slot ${createOnTaken}, ` +
      `${staleReads} stale reads; modes: ${modesInWords(this.world.modes)}`
    );
  }

  /** One push, if the postback is on. Returns whether the queue has it. */
  public async push(line: LineRecord): Promise<boolean> {
    let isStored = false;
    // The sender calls `get` before it first waits, so pushes that go on at once do not mix theirs
    // up.
    this.storing = (url) => {
      isStored = true;
      if (this.world.operator.accepts(url)) this.world.observer.received(url, 'Rakuten', line);
    };
    const pushing = this.sender.push(line);
    this.storing = undefined;
    await pushing;
    this.world.slotDiary.note(this.slot);
    return isStored;
  }

  /** The API, as the functions reach it. */
  public readonly send: HttpSend = (request) => this.sendWith(request, () => {});

  /** The same for a caller whose lines are observed. */
  public sendTo(onLines: OnLines): HttpSend {
    return (request) => this.sendWith(request, onLines);
  }

  private async sendWith(request: HttpRequest, onLines: OnLines): Promise<HttpResponse> {
    const fault = this.faultOf(request);
    if (fault !== undefined) this.service.faults.add(fault);
    this.service.setModes(SID, this.modesNow());
    const { pathname, search } = new URL(request.url);
    const { delayMillis, connection, answer, lines } = this.service.handle({
      method: request.method,
      path: pathname + search,
      authorization: request.headers.authorization,
      body: request.body ?? '',
    });
    this.service.faults.clear();
    // A record of every call of a month, with its body, would not fit into memory.
    this.service.calls.length = 0;
    this.world.slotDiary.note(this.slot);
    const waits =
      connection === 'hang'
        ? Number.POSITIVE_INFINITY
        : delayMillis + 60 + this.random.next() * 400;
    const response = await this.answer(request, waits, connection, answer);
    if (connection !== 'truncate' && lines.length > 0) onLines(lines);
    return response;
  }

  /**
   * For some hours the Events API may print wrong commissions for all lines, or omit a few lines.
   */
  private modesNow(): Modes {
    const { clock, incidents, modes } = this.world;
    // It would print the IDs that the modes leave blank.
    const isPossible = modes.blank?.side !== 'events-api';
    const isFaulty =
      isPossible && incidents.severity('Events API with commissions of 0', clock.now()) > 0;
    const gaps = incidents.now('Events API with gaps', clock.now());
    return {
      ...modes,
      ...(isFaulty
        ? { blank: { side: 'events-api', fields: ['commissions'], share: 1, value: '0' } }
        : {}),
      ...(gaps === undefined ? {} : { hidden: { share: gaps.severity, seed: gaps.from } }),
    };
  }

  private async answer(
    { timeoutMillis }: HttpRequest,
    waits: number,
    connection: string,
    answer: Omit<HttpResponse, 'headers'> & { readonly headers: Readonly<Record<string, string>> },
  ): Promise<HttpResponse> {
    const { clock } = this.world;
    if (waits >= timeoutMillis) {
      await clock.sleep(timeoutMillis);
      throw new HttpFailure('timeout', `no answer within ${timeoutMillis / 1000} s`);
    }
    await clock.sleep(waits);
    if (connection === 'drop')
      throw new HttpFailure('connection', 'the connection failed (ECONNRESET)');
    if (connection === 'truncate')
      return { ...answer, body: answer.body.slice(0, Math.floor(answer.body.length / 2)) };
    return answer;
  }

  private faultOf({ method, url }: HttpRequest): Fault | undefined {
    const { random } = this;
    const { clock, incidents } = this.world;
    const operation = operationOf(method, url);
    const now = clock.now();
    const isEvents = operation === 'events';
    if (isEvents && random.chance(incidents.severity('Events API at its limit', now))) {
      return random.pick([
        RATE_LIMITED,
        RATE_LIMITED,
        { status: 429, headers: { 'retry-after': '20' } },
      ]);
    }
    // The token is what both need.
    const severity = Math.max(
      operation === 'events' || operation === 'token'
        ? incidents.severity('Events API failing', now)
        : 0,
      operation !== 'events' ? incidents.severity('management API failing', now) : 0,
    );
    if (!random.chance(severity * (operation === 'token' ? 0.5 : 1))) return undefined;
    return random.pick(
      operation === 'events' || operation === 'token' || operation === 'read'
        ? READ_FAULTS
        : WRITE_FAULTS,
    );
  }

  private async get(url: string, timeoutMillis: number): Promise<PushResult> {
    const { storing } = this;
    if (isSameEndpoint(url, ENDPOINT_URL))
      return this.world.endpoint.get(url, timeoutMillis, () => storing?.(url));
    // A tracker takes it, and nothing is left for us.
    const millis = 90;
    await this.world.clock.sleep(millis);
    return { status: 200, millis };
  }
}

const RATE_LIMITED: Fault = {
  status: 403,
  body: '{"message":"The number of requests allowed per minute has been exceeded"}',
};

const READ_FAULTS: readonly Fault[] = [
  { status: 500 },
  { status: 503, headers: { 'retry-after': '5' } },
  { status: 502, body: '<html><body>Bad Gateway</body></html>' },
  { connection: 'drop' },
  { connection: 'hang' },
  { connection: 'truncate' },
  { delayMillis: 9_000 },
];

const WRITE_FAULTS: readonly Fault[] = [
  ...READ_FAULTS,
  // The change is made, and its answer is lost.
  { status: 500, afterEffect: true },
  { connection: 'drop', afterEffect: true },
];

function operationOf(method: string, url: string): Operation {
  const { pathname } = new URL(url);
  if (pathname.endsWith('/token')) return 'token';
  if (pathname.includes('/events/')) return 'events';
  return (
    ({ POST: 'create', PUT: 'update', DELETE: 'delete' } as Record<string, Operation>)[method] ??
    'read'
  );
}
