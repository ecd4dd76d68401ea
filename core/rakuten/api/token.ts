import type { RakutenCredentials } from './credentials';
import { RakutenError } from './errors';
import { type ApiContext, persist } from './request-with-retry';

type HeaderForm = 'Bearer' | 'Basic';

/**
 * Rakuten's guide says Bearer, programs in service use Basic with a grant type; which one an
 * account takes shows only when it is tried.
 */
const HEADER_FORMS: readonly HeaderForm[] = ['Bearer', 'Basic'];
/** A token that ends within the next minute is not worth a call. */
const MARGIN_MILLIS = 60_000;
const DEFAULT_LIFETIME_SECONDS = 3600;

/**
 * Gives access tokens for one SID: the ready-made one, or one minted when it is first needed. A
 * token is never shared between runs.
 */
export class TokenSource {
  private minted: { readonly token: string; readonly usableUntil: number } | undefined;
  private form: HeaderForm | undefined;

  public constructor(
    private readonly context: ApiContext,
    private readonly credentials: RakutenCredentials,
  ) {
    if (credentials.accessToken !== undefined) context.redactor.add(credentials.accessToken);
    else
      context.redactor.add(credentials.clientSecret, credentials.clientId, tokenKey(credentials));
  }

  public async get(until: number): Promise<string> {
    if (this.credentials.accessToken !== undefined) return this.credentials.accessToken;
    if (this.minted === undefined || this.minted.usableUntil <= this.context.clock.now())
      this.minted = await this.mint(until);
    return this.minted.token;
  }

  /** Forgets the token. False when there is no way to get another one. */
  public renew(): boolean {
    this.minted = undefined;
    return this.credentials.accessToken === undefined;
  }

  private async mint(until: number): Promise<{ token: string; usableUntil: number }> {
    const forms = this.form === undefined ? HEADER_FORMS : [this.form];
    let refused: RakutenError | undefined;
    for (const form of forms) {
      try {
        const minted = await this.exchange(form, until);
        this.form = form;
        return minted;
      } catch (error) {
        if (!(error instanceof RakutenError) || !isAboutCredentials(error)) throw error;
        refused = error;
      }
    }
    throw refused ?? new Error('no header form to try');
  }

  private async exchange(
    form: HeaderForm,
    until: number,
  ): Promise<{ token: string; usableUntil: number }> {
    const { context } = this;
    const credentials = this.credentials as Exclude<RakutenCredentials, { accessToken: string }>;
    const response = await persist(context, {
      operation: 'token',
      until,
      changes: false,
      readable: (body) => tokenIn(body) !== undefined,
      request: async () => ({
        method: 'POST',
        url: `${context.baseUrl}/token`,
        headers: {
          authorization: `${form} ${tokenKey(credentials)}`,
          'content-type': 'application/x-www-form-urlencoded',
        },
        body:
          form === 'Basic' ? `grant_type=password&scope=${context.sid}` : `scope=${context.sid}`,
      }),
    });
    const { token, lifetimeSeconds } = tokenIn(response.body) as {
      token: string;
      lifetimeSeconds: number;
    };
    context.redactor.add(token);
    return { token, usableUntil: context.clock.now() + lifetimeSeconds * 1000 - MARGIN_MILLIS };
  }
}

/** A 400 may be about the header form as well: the second form decides. */
const isAboutCredentials = (error: RakutenError): boolean =>
  error.kind === 'credentials' || error.status === 400;

const tokenKey = ({ clientId, clientSecret }: { clientId: string; clientSecret: string }): string =>
  Buffer.from(`${clientId}:${clientSecret}`).toString('base64');

function tokenIn(body: string): { token: string; lifetimeSeconds: number } | undefined {
  try {
    const { access_token, expires_in } = JSON.parse(body) as Record<string, unknown>;
    if (typeof access_token !== 'string' || access_token === '') return undefined;
    const seconds = Number(expires_in);
    return {
      token: access_token,
      lifetimeSeconds: seconds > 0 ? seconds : DEFAULT_LIFETIME_SECONDS,
    };
  } catch {
    return undefined;
  }
}
