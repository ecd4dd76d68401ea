import { randomBytes } from 'node:crypto';
import {
  type ApiAnswer,
  type ApiRequest,
  type Behaviour,
  type FakeRakutenOptions,
  jsonAnswer,
} from './types';

const LIFETIME_SECONDS = 3600;

export const TOKEN_EXPIRED: ApiAnswer = jsonAnswer(401, { message: 'Access Token Expired' });
const WRONG_CREDENTIALS: ApiAnswer = jsonAnswer(401, {
  error: 'invalid_client',
  error_description: 'Client authentication failed',
});
const badRequest = (description: string): ApiAnswer =>
  jsonAnswer(400, { error: 'invalid_request', error_description: description });

/** `POST /token` and what its tokens are good for. */
export class Tokens {
  private readonly issued = new Map<string, { sid: string; expiresAt: number }>();
  private readonly refreshTokens = new Map<string, string>();

  public constructor(
    private readonly options: Pick<FakeRakutenOptions, 'clientId' | 'clientSecret' | 'accessToken'>,
    private readonly behaviour: Behaviour,
    private readonly now: () => number,
  ) {}

  public exchange(request: ApiRequest): ApiAnswer {
    if (!this.authenticated(request.authorization)) return WRONG_CREDENTIALS;
    const form = new URLSearchParams(request.body);
    const sid = form.get('scope');
    if (sid === null || !/^\d+$/.test(sid)) return badRequest('scope must be the publisher id');
    const refreshToken = form.get('refresh_token');
    if (refreshToken !== null && this.refreshTokens.get(refreshToken) !== sid)
      return badRequest('unknown refresh token');
    return jsonAnswer(200, this.issue(sid));
  }

  /**
   * The SID a token was made for, `any` for the ready-made one, undefined when it is unknown or
   * expired.
   */
  public sidOf(authorization: string | undefined): string | undefined {
    const token = /^Bearer (.+)$/.exec(authorization ?? '')?.[1];
    if (token === undefined) return undefined;
    if (token === this.options.accessToken) return 'any';
    const known = this.issued.get(token);
    return known !== undefined && known.expiresAt > this.now() ? known.sid : undefined;
  }

  /** Makes every token that was handed out invalid, as if its hour had passed. */
  public expireAll(): void {
    this.issued.clear();
  }

  private issue(sid: string): Record<string, unknown> {
    const accessToken = `fake-access-${randomBytes(16).toString('hex')}`;
    const refreshToken = `fake-refresh-${randomBytes(16).toString('hex')}`;
    this.issued.set(accessToken, { sid, expiresAt: this.now() + LIFETIME_SECONDS * 1000 });
    this.refreshTokens.set(refreshToken, sid);
    return {
      access_token: accessToken,
      refresh_token: refreshToken,
      token_type: 'bearer',
      expires_in: LIFETIME_SECONDS,
    };
  }

  private authenticated(authorization: string | undefined): boolean {
    const [scheme, key] = (authorization ?? '').split(' ');
    if (
      key !==
      Buffer.from(`${this.options.clientId}:${this.options.clientSecret}`).toString('base64')
    )
      return false;
    if (this.behaviour.tokenHeader === 'both') return scheme === 'Bearer' || scheme === 'Basic';
    return scheme?.toLowerCase() === this.behaviour.tokenHeader;
  }
}
