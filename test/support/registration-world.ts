import { REGISTRATION_PROPERTIES as P, URL_PARAMETERS } from '../../core/names';
import type { Slot } from '../../core/rakuten/api/client';
import { HttpFailure, type HttpSend } from '../../core/rakuten/api/http';
import type { Clock } from '../../core/rakuten/api/request-with-retry';
import type { AllowedUrls } from '../../core/registration/allowed-urls';
import {
  handleRegistrationEvent,
  type RegistrationAnswer,
  type RegistrationEvent,
} from '../../core/registration/events';
import { leasedPorts } from '../../core/registration/lease';
import type {
  LeasedPorts,
  RegistrationPorts,
  RegistrationStore,
  RequestOutcome,
} from '../../core/registration/ports';
import { sha256 } from '../../core/sha256';
import type { SeenLease } from '../../core/state/lease';
import type { PublisherState } from '../../core/state/publisher-state';
import { FakeRakutenService } from '../../fake-rakuten/service';

export const CLIENT_ID = 'client-id-of-the-tests';
export const CLIENT_SECRET = 'client-secret-of-the-tests';
export const CREDENTIALS = JSON.stringify({ clientId: CLIENT_ID, clientSecret: CLIENT_SECRET });

/** Time that passes only when everybody waits. Runs that go on at once share it. */
export class VirtualClock implements Clock {
  private time = Date.UTC(2026, 2, 1);
  private readonly sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  private pumping = false;
  private seed = 1;

  public now(): number {
    return this.time;
  }

  public sleep(millis: number): Promise<void> {
    return new Promise((wake) => {
      this.sleepers.push({ at: this.time + millis, wake });
      if (!this.pumping) this.pump();
    });
  }

  /** A fixed sequence: a failing run can be played again. */
  public random(): number {
    this.seed = (this.seed * 16807) % 2147483647;
    return this.seed / 2147483647;
  }

  private pump(): void {
    this.pumping = true;
    // After every promise that can go on has gone on, the first sleeper is due.
    setImmediate(() => {
      this.sleepers.sort((a, b) => a.at - b.at);
      const next = this.sleepers.shift();
      if (next === undefined) {
        this.pumping = false;
        return;
      }
      this.time = Math.max(this.time, next.at);
      next.wake();
      this.pump();
    });
  }
}

/** The state table in memory. */
export class MemoryStore implements RegistrationStore {
  public readonly states = new Map<string, PublisherState>();
  public readonly probes = new Set<string>();
  private readonly outcomes = new Map<string, RequestOutcome>();
  private renewals = 0;
  private readonly leases = new Map<string, SeenLease>();

  public async readState(sid: string): Promise<PublisherState | undefined> {
    return this.states.get(sid);
  }
  public async writeState(state: PublisherState, holder: string): Promise<boolean> {
    const isHeld = await this.renewLease(state.sid, holder);
    if (isHeld) this.seed(state);
    return isHeld;
  }
  /** Writes without a lease. */
  public seed(state: PublisherState): void {
    // As DynamoDB stores it: a copy, without undefined values.
    this.states.set(state.sid, JSON.parse(JSON.stringify(state)) as PublisherState);
  }
  public async probeSeen(probe: string): Promise<boolean> {
    return this.probes.has(probe);
  }
  public async readOutcome(requestId: string): Promise<RequestOutcome | undefined> {
    return this.outcomes.get(requestId);
  }
  public async writeOutcome(requestId: string, outcome: RequestOutcome): Promise<void> {
    this.outcomes.set(requestId, outcome);
  }
  public async acquireLease(
    sid: string,
    holder: string,
    abandoned?: SeenLease,
  ): Promise<SeenLease | undefined> {
    const held = this.leases.get(sid);
    const isAbandoned = held?.holder === abandoned?.holder && held?.renewal === abandoned?.renewal;
    if (held !== undefined && held.holder !== holder && !isAbandoned) return held;
    this.leases.set(sid, { holder, renewal: this.newRenewal() });
    return undefined;
  }
  public async renewLease(sid: string, holder: string): Promise<boolean> {
    const held = this.leases.get(sid);
    if (held?.holder !== holder) return false;
    this.leases.set(sid, { holder, renewal: this.newRenewal() });
    return true;
  }
  private newRenewal(): string {
    this.renewals += 1;
    return String(this.renewals);
  }
  public async releaseLease(sid: string, holder: string): Promise<void> {
    if (this.leases.get(sid)?.holder === holder) this.leases.delete(sid);
  }
}

/** Rakuten, time, and the texts that people could read. */
export class World {
  public readonly clock = new VirtualClock();
  public readonly rakuten: FakeRakutenService;
  /** Every error message, log line and answer of every run. */
  public readonly texts: string[] = [];
  /** Called after each call that reached Rakuten. */
  public afterCall: () => void = () => {};

  public constructor() {
    this.rakuten = new FakeRakutenService(
      { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET },
      () => this.clock.now(),
    );
  }

  public readonly send: HttpSend = async (request) => {
    const { pathname, search } = new URL(request.url);
    const outcome = this.rakuten.handle({
      method: request.method,
      path: pathname + search,
      authorization: request.headers.authorization,
      body: request.body ?? '',
    });
    this.afterCall();
    const waits = outcome.connection === 'hang' ? Number.POSITIVE_INFINITY : outcome.delayMillis;
    if (waits >= request.timeoutMillis) {
      await this.clock.sleep(request.timeoutMillis);
      throw new HttpFailure('timeout', `no answer within ${request.timeoutMillis / 1000} s`);
    }
    await this.clock.sleep(waits + 20);
    if (outcome.connection === 'drop')
      throw new HttpFailure('connection', 'the connection failed (ECONNRESET)');
    if (outcome.connection === 'truncate')
      throw new HttpFailure('incomplete', 'the answer broke off (other side closed)');
    const { status, headers, body } = outcome.answer;
    return {
      status,
      headers: { ...headers, 'x-request-id': `fake-${this.rakuten.calls.length}` },
      body,
    };
  };
}

let serial = 0;

/** One installation of the construct: its endpoint, its secrets and its state table. */
export class Installation {
  public readonly store = new MemoryStore();
  public readonly name: string;
  public readonly endpointUrl: string;
  public readonly secrets = new Map<string, string>();
  /** Versions that are not the current ones, by their secrets and ids. */
  public readonly savedVersions = new Map<
    string,
    { readonly secret: string; readonly text: string; readonly labels: Set<string> }
  >();
  /** What the stack was deployed with. */
  public urls: AllowedUrls = { rakutenApiUrl: 'https://api.linksynergy.com' };
  /** How the endpoint answers. */
  public endpoint: { status?: number; millis: number; error?: string } = {
    status: 200,
    millis: 42,
  };
  /** Whether the consumer takes messages out of the queue. */
  public consumerRuns = true;
  private callsLeft = Number.POSITIVE_INFINITY;
  private onKilled: () => void = () => {};

  public constructor(
    public readonly world: World,
    endpointUrl?: string,
  ) {
    serial += 1;
    this.name = `stack-${serial}`;
    this.endpointUrl =
      endpointUrl ?? `https://${this.name}.execute-api.us-east-1.amazonaws.com/prod/postback`;
    this.secrets.set('credentials', CREDENTIALS);
    this.secrets.set('url-secret', this.newUrlSecret());
  }

  public newUrlSecret(): string {
    serial += 1;
    return `url-secret-${serial}-${sha256(String(serial)).slice(0, 24)}`;
  }

  public properties(changes: Record<string, unknown> = {}): Record<string, unknown> {
    return {
      ServiceToken: 'arn:aws:lambda:us-east-1:111122223333:function:provider',
      [P.formatVersion]: '1',
      [P.sid]: '3900112',
      [P.credentialsSecretArn]: 'credentials',
      [P.urlSecretArn]: 'url-secret',
      [P.endpointUrl]: this.endpointUrl,
      [P.fieldList]: JSON.stringify([
        { name: 'is_event', field: 'is_event' },
        { name: 'etransaction_id', field: 'etransaction_id' },
        { name: 'sale_amount', field: 'sale_amount' },
      ]),
      [P.enabled]: 'true',
      [P.existingPostback]: 'FAIL',
      [P.onRemoval]: '',
      [P.rakutenApiUrl]: 'https://api.linksynergy.com',
      [P.selfTest]: 'true',
      ...changes,
    };
  }

  public event(
    type: RegistrationEvent['RequestType'],
    properties: Record<string, unknown>,
    more: Partial<RegistrationEvent> = {},
  ): RegistrationEvent {
    serial += 1;
    return {
      RequestType: type,
      RequestId: `request-${serial}`,
      StackId: `arn:aws:cloudformation:us-east-1:111122223333:stack/${this.name}/1`,
      LogicalResourceId: 'Registration',
      ResourceProperties: properties,
      ...(type === 'Create'
        ? {}
        : { PhysicalResourceId: `rakuten-postback-${String(properties[P.sid])}` }),
      ...more,
    };
  }

  /**
   * One invocation of the handler. Rejects with what CloudFormation would show; never ends when it
   * is killed.
   */
  public async invoke(event: RegistrationEvent, minutes = 8): Promise<RegistrationAnswer> {
    const texts = this.world.texts;
    try {
      const answer = await handleRegistrationEvent(
        this.ports(),
        event,
        this.world.clock.now() + minutes * 60_000,
      );
      texts.push(JSON.stringify(answer));
      return answer;
    } catch (error) {
      const { message, stack } = error as Error;
      texts.push(message, stack ?? '');
      throw error;
    }
  }

  public ports(): RegistrationPorts {
    const { world, store } = this;
    return {
      store,
      readSecret: async (id, versionId) => {
        const secret =
          versionId === undefined ? this.secrets.get(id) : this.savedVersion(id, versionId);
        if (secret === undefined) throw new Error(`The secret ${id} does not exist.`);
        return secret;
      },
      saveSecretVersion: async (id, text, label) => {
        for (const version of this.savedVersions.values())
          if (version.secret === id) version.labels.delete(label);
        const versionId = `version-${this.savedVersions.size + 1}`;
        this.savedVersions.set(`${id} ${versionId}`, {
          secret: id,
          text,
          labels: new Set([label]),
        });
        return versionId;
      },
      urls: this.urls,
      send: (request) => {
        this.callsLeft -= 1;
        if (this.callsLeft < 0) this.onKilled();
        // A function that is killed does nothing more.
        return this.callsLeft < 0 ? new Promise(() => {}) : world.send(request);
      },
      probe: (url) => this.answerProbe(url),
      clock: {
        now: () => world.clock.now(),
        sleep: (millis) => world.clock.sleep(millis),
        random: () => world.clock.random(),
      },
      randomId: () => {
        serial += 1;
        return `id-${serial}`;
      },
      log: (message, fields) => void world.texts.push(JSON.stringify([message, fields])),
    };
  }

  /** Ports of a run that has the lease. */
  public async leasedPorts(sid: string, holder = 'the-run'): Promise<LeasedPorts> {
    await this.store.acquireLease(sid, holder);
    return leasedPorts(this.ports(), sid, holder);
  }

  /**
   * Another run takes the lease, renews it and gives it back after so long. Resolves with whether
   * it got it.
   */
  public async holdLease(sid: string, millis: number, holder = 'somebody'): Promise<boolean> {
    const { store, world } = this;
    if ((await store.acquireLease(sid, holder)) !== undefined) return false;
    void (async () => {
      for (let left = millis; left > 0; left -= 10_000) {
        await world.clock.sleep(Math.min(left, 10_000));
        await store.renewLease(sid, holder);
      }
      await store.releaseLease(sid, holder);
    })();
    return true;
  }

  /** What a removal restores. */
  public previousSlot({
    previousSlot,
    previousUrl,
    previousActive,
  }: PublisherState): Slot | undefined {
    if (previousSlot === undefined)
      return previousUrl === undefined
        ? undefined
        : { url: previousUrl, active: previousActive ?? true };
    const { secret = 'url-secret', versionId, active } = previousSlot;
    return { url: this.savedVersion(secret, versionId) ?? 'lost', active };
  }

  /** A version without a label is deleted, as is one of a deleted secret. */
  private savedVersion(secret: string, versionId: string): string | undefined {
    const version = this.savedVersions.get(`${secret} ${versionId}`);
    return version !== undefined && version.labels.size > 0 && this.secrets.has(secret)
      ? version.text
      : undefined;
  }

  /**
   * The run is killed when it has made so many calls to Rakuten. Resolves when that has happened.
   */
  public killAfter(calls: number): Promise<'killed'> {
    this.callsLeft = calls;
    return new Promise((resolve) => {
      this.onKilled = () => resolve('killed');
    });
  }

  public spare(): void {
    this.callsLeft = Number.POSITIVE_INFINITY;
  }

  /** Whether the consumer would store a postback that Rakuten sends to this URL now. */
  public takes(url: string): boolean {
    const query = new URL(url).searchParams;
    const secretHash = sha256(query.get(URL_PARAMETERS.secret) ?? '');
    const fieldList = query.get(URL_PARAMETERS.fieldList);
    const now = new Date(this.world.clock.now()).toISOString();
    return [...this.store.states.values()]
      .flatMap((state) => state.accepted)
      .some(
        (e) =>
          e.secretSha256 === secretHash &&
          e.fieldListId === fieldList &&
          (e.acceptedUntil === undefined || e.acceptedUntil > now),
      );
  }

  private async answerProbe(
    url: string,
  ): Promise<{ status?: number; millis: number; error?: string }> {
    const { endpoint } = this;
    await this.world.clock.sleep(endpoint.millis);
    const probe = new URL(url).searchParams.get(URL_PARAMETERS.probe);
    if (endpoint.status === 200 && this.consumerRuns && probe !== null && this.takes(url))
      this.store.probes.add(probe);
    return endpoint;
  }
}
