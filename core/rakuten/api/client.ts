import type { RakutenCredentials } from './credentials';
import { RakutenError, type RakutenOperation } from './errors';
import type { HttpResponse } from './http';
import { type ApiContext, NOTHING_FOUND, persist } from './request-with-retry';
import { TokenSource } from './token';

/** What stands in the one postback slot of a SID. */
export interface Slot {
  readonly url: string;
  readonly active: boolean;
}

/** A call to Rakuten's API with a token. */
export interface ApiCall {
  readonly operation: RakutenOperation;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With the query string. */
  readonly path: string;
  readonly body?: unknown;
  /** Milliseconds since 1970 at which the last try must have ended. */
  readonly until: number;
  /** Whether a body is a whole answer. @default - it is JSON */
  readonly readable?: (body: string, status: number) => boolean;
}

/**
 * Rakuten's API for one SID. Every method tries again within `until` (milliseconds since 1970) and
 * throws a `RakutenError`. A change whose answer got lost is thrown as `uncertain` and not tried
 * again: read the slot first.
 */
export class RakutenClient {
  private readonly tokens: TokenSource;

  public constructor(
    private readonly context: ApiContext,
    credentials: RakutenCredentials,
  ) {
    this.tokens = new TokenSource(context, credentials);
  }

  /** The slot's content; undefined when there is none. */
  public async read(until: number): Promise<Slot | undefined> {
    const { sid } = this.context;
    try {
      const readable = (body: string): boolean => slotIn(body, sid) !== undefined;
      const response = await this.call({
        operation: 'read',
        method: 'GET',
        path: `/v1/postback/${sid}`,
        until,
        readable,
      });
      return slotIn(response.body, sid)?.slot;
    } catch (error) {
      if (error instanceof RakutenError && error.kind === 'not-found') return undefined;
      throw error;
    }
  }

  public async create(slot: Slot, until: number): Promise<void> {
    const body = { sid: Number(this.context.sid), is_active: flag(slot), url: slot.url };
    await this.call({ operation: 'create', method: 'POST', path: '/v1/postback', body, until });
  }

  /** Always sends the URL too: whether Rakuten keeps it when it is left out is not documented. */
  public async update(slot: Slot, until: number): Promise<void> {
    const body = { is_active: flag(slot), url: slot.url };
    await this.call({
      operation: 'update',
      method: 'PUT',
      path: `/v1/postback/${this.context.sid}`,
      body,
      until,
    });
  }

  /** A slot that is already empty is success. */
  public async delete(until: number): Promise<void> {
    try {
      const path = `/v1/postback/${this.context.sid}`;
      await this.call({ operation: 'delete', method: 'DELETE', path, until, readable: () => true });
    } catch (error) {
      if (!(error instanceof RakutenError) || error.kind !== 'not-found') throw error;
    }
  }

  /** Any call with a token, for the other APIs. */
  public call({
    operation,
    method,
    path,
    body,
    until,
    readable = isJson,
  }: ApiCall): Promise<HttpResponse> {
    let renewed = false;
    return persist(this.context, {
      operation,
      until,
      readable,
      changes: method !== 'GET',
      renew: () => {
        if (renewed) return false;
        renewed = true;
        return this.tokens.renew();
      },
      request: async () => ({
        method,
        url: this.context.baseUrl + path,
        headers: {
          authorization: `Bearer ${await this.tokens.get(until)}`,
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: body === undefined ? undefined : JSON.stringify(body),
      }),
    });
  }
}

const flag = ({ active }: Slot): 'Y' | 'N' => (active ? 'Y' : 'N');

const isJson = (body: string): boolean => parseJson(body) !== undefined;

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/**
 * The slot in a read's answer. Undefined when the answer is not one: an empty slot may be told by
 * empty `data` or by the message "No records found", but never by half an answer or an unrelated
 * one.
 */
function slotIn(body: string, sid: string): { readonly slot: Slot | undefined } | undefined {
  const answer = parseJson(body);
  if (typeof answer !== 'object' || answer === null) return undefined;
  const { data, message } = answer as { data?: unknown; message?: unknown };
  if (Array.isArray(data)) {
    const records = data.filter(
      (item): item is Record<string, unknown> => typeof item === 'object' && item !== null,
    );
    const record =
      records.find((item) => String(item.sid) === sid) ??
      (records[0]?.sid === undefined ? records[0] : undefined);
    if (record === undefined) return data.length === 0 ? { slot: undefined } : undefined;
    return typeof record.url === 'string'
      ? { slot: { url: record.url, active: isActive(record.is_active) } }
      : undefined;
  }
  return NOTHING_FOUND.test(String(message)) ? { slot: undefined } : undefined;
}

/** The description says `Y` or `N`; another published one says boolean. */
const isActive = (value: unknown): boolean =>
  value === true || /^(y|yes|true|1)$/i.test(String(value));
