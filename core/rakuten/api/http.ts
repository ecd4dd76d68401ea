import { UserError } from '../../errors';

/** One HTTP call to Rakuten. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMillis: number;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Sends one request once. Every HTTP status is a response; only a call without a whole answer
 * throws, and then a `HttpFailure`.
 */
export type HttpSend = (request: HttpRequest) => Promise<HttpResponse>;

/** There was no whole answer. Whether the call took effect is not known. */
export class HttpFailure extends UserError {
  /** @param problem without the URL, which may contain a secret */
  public constructor(
    public readonly reason: 'timeout' | 'connection' | 'incomplete' | 'too-large',
    problem: string,
  ) {
    super({ name: 'HttpFailure', problem });
  }
}

export const sendHttp: HttpSend = async (request) => {
  const { method, headers, body, timeoutMillis } = request;
  let answered = false;
  try {
    // A redirect would carry the token to another host; Rakuten documents none.
    const response = await fetch(request.url, {
      method,
      headers,
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMillis),
    });
    answered = true;
    const text = await readText(response);
    return { status: response.status, headers: Object.fromEntries(response.headers), body: text };
  } catch (error) {
    if (error instanceof HttpFailure) throw error;
    throw asHttpFailure(error, answered, timeoutMillis);
  }
};

/**
 * Bytes of a body, decompressed, above which a response is abandoned. A page of 1,000 transactions
 * has well under 4 MiB; an endless body would otherwise exhaust the memory of the function.
 */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  // Leaving the loop with an error cancels the body, which closes the connection.
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES)
      throw new HttpFailure(
        'too-large',
        `the response is larger than ${MAX_BODY_BYTES / 1024 ** 2} MiB`,
      );
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function asHttpFailure(error: unknown, answered: boolean, timeoutMillis: number): HttpFailure {
  const { name, message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  if (name === 'TimeoutError')
    return new HttpFailure('timeout', `no answer within ${timeoutMillis / 1000} s`);
  const detail = cause?.code ?? cause?.message ?? message;
  return answered
    ? new HttpFailure('incomplete', `the answer broke off (${detail})`)
    : new HttpFailure('connection', `the connection failed (${detail})`);
}

/** Whether a URL sends what it carries unencrypted, to somewhere that is not this machine. */
export function isPlainHttp(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && !isLoopback(hostname);
}

/** Whether a host is this machine. */
export const isLoopback = (hostname: string): boolean =>
  /^(127(\.\d+){3}|localhost|\[::1\])$/.test(hostname);
