import { type EventsAnswer, type Holding, isReturned, transactions } from './events';
import { Faults } from './faults';
import { Ledger } from './ledger';
import { DEFAULT_MODES, type Modes } from './modes';
import { printed } from './printing';
import { Slots } from './slots';
import { TOKEN_EXPIRED, Tokens } from './tokens';
import {
  type ApiAnswer,
  type ApiCall,
  type ApiOutcome,
  type ApiRequest,
  type Behaviour,
  type FakeRakutenOptions,
  type Fault,
  invalidRequest,
  jsonAnswer,
  type LineRecord,
  type Operation,
  type ReturnedLine,
} from './types';

const RATE_LIMITED = jsonAnswer(403, {
  message: 'The number of requests allowed per minute has been exceeded',
});
const NOT_YOURS = jsonAnswer(403, { message: 'You cannot consume this service' });
const NO_SUCH_PATH = jsonAnswer(404, { message: 'no Route matched with those values' });
const MINUTE_MILLIS = 60_000;

interface Route {
  readonly operation: Operation;
  readonly sid?: string;
}

/** The fake's API without a socket: state, faults and a log of every call. */
export class FakeRakutenService {
  public readonly behaviour: Behaviour = {
    absent: 'not-found',
    createOnTaken: 'refuse',
    deleteAbsent: 'ok',
    staleReads: 0,
    tokenHeader: 'both',
    eventsOrder: 'newest-first',
  };
  public readonly slots = new Slots(this.behaviour);
  public readonly faults = new Faults();
  public readonly tokens: Tokens;
  public readonly calls: ApiCall[] = [];
  private readonly ledgers = new Map<string, Ledger>();
  private readonly modes = new Map<string, Modes>();
  private readonly recentCalls: Record<string, number[]> = {};

  public constructor(
    options: FakeRakutenOptions,
    private readonly now: () => number,
    private readonly onEnabled: (sid: string) => void = () => {},
  ) {
    this.tokens = new Tokens(options, this.behaviour, now);
  }

  public handle(request: ApiRequest): ApiOutcome {
    const route = routeOf(request);
    const fault = this.faults.next(route?.operation ?? 'unknown');
    const replaced =
      fault?.status !== undefined ||
      (fault?.connection !== undefined && fault.connection !== 'truncate');
    const takesEffect = !replaced || fault?.afterEffect === true;
    const { answer, lines } = takesEffect
      ? this.answer(route, request)
      : plain(jsonAnswer(200, {}));
    const outcome: ApiOutcome = {
      delayMillis: fault?.delayMillis ?? 0,
      connection: fault?.connection ?? 'answer',
      answer: fault?.status === undefined ? answer : faultAnswer(fault, fault.status, request),
      lines: fault?.status === undefined ? lines : [],
    };
    this.log(route, request, outcome);
    return outcome;
  }

  /** Every line Rakuten holds for the publisher, in the order in which they were recorded. */
  public ledger(sid: string): LineRecord[] {
    return this.ledgers.get(sid)?.all() ?? [];
  }

  /**
   * A line with a known `etransaction_id` and `is_event` takes the place of the older one.
   *
   * @param options.reusesId the line is another one under the same ID; both stay
   */
  public record(line: LineRecord, options?: { readonly reusesId?: boolean }): void {
    const sid = line.sid ?? '';
    const ledger = this.ledgers.get(sid) ?? new Ledger();
    this.ledgers.set(sid, ledger);
    ledger.record(line, options);
  }

  /**
   * The advertiser eliminates a line: the Events API returns it no more.
   *
   * Returns the line as it was.
   */
  public eliminate(line: LineRecord): LineRecord | undefined {
    return this.ledgers.get(line.sid ?? '')?.eliminate(line);
  }

  /** The lines that the Events API returns at a moment, from the ledger as it is now. */
  public returnedLines(sid: string, at: number): ReturnedLine[] {
    const modes = this.modesOf(sid);
    const returned = this.ledger(sid).filter((line) => isReturned(line, modes, at));
    return returned.map((line) => ({ line, record: printed(line, 'events-api', modes, at) }));
  }

  public modesOf(sid: string): Modes {
    return this.modes.get(sid) ?? DEFAULT_MODES;
  }

  /** @param modes those that are left out are the default */
  public setModes(sid: string, modes: Partial<Modes>): void {
    this.modes.set(sid, { ...DEFAULT_MODES, ...modes });
  }

  private answer(route: Route | undefined, request: ApiRequest): EventsAnswer {
    if (route === undefined) return plain(NO_SUCH_PATH);
    if (this.overLimit(route.operation)) return plain(RATE_LIMITED);
    if (route.operation === 'token') return plain(this.tokens.exchange(request));
    const tokenSid = this.tokens.sidOf(request.authorization);
    if (tokenSid === undefined) return plain(TOKEN_EXPIRED);
    if (route.operation === 'events') return this.events(tokenSid, request);
    return plain(this.manage(route, tokenSid, request));
  }

  private events(tokenSid: string, request: ApiRequest): EventsAnswer {
    const sids =
      tokenSid === 'any'
        ? [...this.ledgers.keys()]
        : [tokenSid, ...this.modesOf(tokenSid).alsoReturns];
    const holdings = sids.flatMap((sid): Holding[] => {
      const ledger = this.ledgers.get(sid);
      return ledger === undefined ? [] : [{ ledger, modes: this.modesOf(sid) }];
    });
    return transactions(
      holdings,
      new URL(request.path, 'http://fake').searchParams,
      this.now(),
      this.behaviour,
    );
  }

  private manage(route: Route, tokenSid: string, request: ApiRequest): ApiAnswer {
    const body = parseJson(request.body);
    const sid = route.sid ?? String((body as { sid?: unknown } | undefined)?.sid ?? '');
    if (tokenSid !== 'any' && tokenSid !== sid) return NOT_YOURS;
    if (route.operation === 'read') return this.slots.read(sid);
    if (route.operation === 'delete') return this.slots.delete(sid);
    if (body === undefined) return invalidRequest('the body must be JSON');
    const answer =
      route.operation === 'create' ? this.slots.create(body) : this.slots.update(sid, body);
    if (answer.status === 200 && this.slots.get(sid)?.active === true) this.onEnabled(sid);
    return answer;
  }

  private overLimit(operation: Operation): boolean {
    const limit = this.behaviour.callsPerMinute;
    if (limit === undefined) return false;
    const group = operation === 'token' || operation === 'events' ? operation : 'postback';
    const recent = (this.recentCalls[group] ?? []).filter((at) => at > this.now() - MINUTE_MILLIS);
    this.recentCalls[group] = recent;
    if (recent.length >= limit) return true;
    recent.push(this.now());
    return false;
  }

  private log(
    route: Route | undefined,
    request: ApiRequest,
    { connection, answer }: ApiOutcome,
  ): void {
    const unanswered = connection === 'drop' || connection === 'hang';
    this.calls.push({
      operation: route?.operation ?? 'unknown',
      method: request.method,
      path: request.path,
      status: unanswered ? 0 : answer.status,
      requestBody: request.body,
      responseBody: unanswered ? '' : answer.body,
    });
  }
}

const plain = (answer: ApiAnswer): EventsAnswer => ({ answer, lines: [] });

function faultAnswer(fault: Fault, status: number, request: ApiRequest): ApiAnswer {
  const echo = fault.echo ? JSON.stringify(request) : undefined;
  const answer = jsonAnswer(
    status,
    echo ?? fault.body ?? { message: `fault ${status}`, error: 'UNEXPECTED_ERROR' },
  );
  return { ...answer, headers: { ...answer.headers, ...fault.headers } };
}

function routeOf({ method, path }: ApiRequest): Route | undefined {
  const [pathname = ''] = path.split('?', 1);
  if (pathname === '/token') return method === 'POST' ? { operation: 'token' } : undefined;
  if (pathname === '/events/1.0/transactions')
    return method === 'GET' ? { operation: 'events' } : undefined;
  if (pathname === '/v1/postback') return method === 'POST' ? { operation: 'create' } : undefined;
  const sid = /^\/v1\/postback\/(\d+)$/.exec(pathname)?.[1];
  const operation = ({ GET: 'read', PUT: 'update', DELETE: 'delete' } as const)[method];
  return sid === undefined || operation === undefined ? undefined : { operation, sid };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
