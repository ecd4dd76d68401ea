import { UserError, type UserErrorFields } from '../../errors';
import type { HttpResponse } from './http';
import { quote, type Redactor } from './redact';

export type RakutenOperation = 'token' | 'read' | 'create' | 'update' | 'delete' | 'events';

/**
 * - `credentials`: the token call refused the client id and secret
 * - `unauthorized`: a token was refused, a new one too
 * - `forbidden`, `rate-limited`: Rakuten answers both with 403
 * - `refused`: a permanent no to what was asked
 * - `not-found`: there is no postback
 * - `unavailable`: no useful answer within the time
 * - `uncertain`: as `unavailable`, of a call that may nevertheless have taken effect
 */
export type RakutenErrorKind =
  | 'credentials'
  | 'unauthorized'
  | 'forbidden'
  | 'rate-limited'
  | 'refused'
  | 'not-found'
  | 'unavailable'
  | 'uncertain';

export interface RakutenErrorDetails {
  readonly kind: RakutenErrorKind;
  readonly operation: RakutenOperation;
  readonly sid: string;
  /** HTTP status; absent when there was no answer. */
  readonly status?: number;
  /** What Rakuten said, shortened and masked, or what happened to the connection. */
  readonly said?: string;
  /** Rakuten's `X-Request-Id`, which its support asks for. */
  readonly requestId?: string;
  readonly tries?: number;
  /** Meaning and next step where the kind's own do not fit. */
  readonly explanation?: readonly [meaning: string, next: string];
}

const OPERATIONS: Record<RakutenOperation, string> = {
  token: 'get an access token',
  read: 'read the postback',
  create: 'create the postback',
  update: 'update the postback',
  delete: 'delete the postback',
  events: 'read transactions from the Events API',
};

const MEANINGS: Record<RakutenErrorKind, [meaning: string, next: string]> = {
  credentials: [
    'the client id and secret are not accepted, with either documented header',
    'compare them with the portal (Account, Applications), put both into the credentials secret as {"clientId": "…", "clientSecret": "…"} and deploy again',
  ],
  unauthorized: [
    'the access token is not accepted or has expired, and a new one did not help',
    'if the credentials secret holds an "accessToken", make a new one in the portal for this SID (Applications, Generate Token) or store "clientId" and "clientSecret" instead',
  ],
  forbidden: [
    'either the calls allowed per minute are used up, or the user behind the credentials has no right to this SID',
    'check the SID, and that the credentials were made by a user who is associated with it; then deploy again after a minute',
  ],
  'rate-limited': [
    'more calls per minute than Rakuten allows, for longer than this run can wait',
    'look for other programs that use the same account, wait a few minutes and deploy again',
  ],
  refused: [
    'Rakuten does not accept what was asked',
    'correct what it names; if that is not clear, give its support the request id',
  ],
  'not-found': ['there is no postback for this SID', 'deploy again, which registers it'],
  unavailable: [
    'Rakuten could not be reached or does not work at the moment',
    'wait and deploy again',
  ],
  uncertain: [
    'there was no whole answer, so the change may or may not have been made',
    'look at the slot with "npx cdk-rakuten-postback status" and deploy again',
  ],
};

/** Where it is not a deployment that asks, the next step is another one. */
const EVENTS_MEANINGS: Partial<Record<RakutenErrorKind, [meaning: string, next: string]>> = {
  unauthorized: [
    MEANINGS.unauthorized[0],
    'if the credentials secret holds an "accessToken", make a new one in the portal for this SID (Applications, Generate Token) or store "clientId" and "clientSecret" instead; the next run reads the same time again',
  ],
  forbidden: [
    MEANINGS.forbidden[0],
    'check that the user behind the credentials is associated with this SID and may use the Events API; the next run reads the same time again',
  ],
  'rate-limited': [
    MEANINGS['rate-limited'][0],
    'look for other programs that call the Events API with the same account; the next run reads the same time again',
  ],
  refused: [
    MEANINGS.refused[0],
    'correct what it names (Rakuten keeps lines that it processed less than 30 days ago, and a span has at most 30 days); if that is not clear, give its support the request id',
  ],
  unavailable: [MEANINGS.unavailable[0], 'wait: the next run reads the same time again'],
};

/** A call to Rakuten that failed, explained. The message holds no secret. */
export class RakutenError extends UserError {
  public readonly kind: RakutenErrorKind;

  public constructor(details: RakutenErrorDetails) {
    super(fieldsOf(details));
    this.kind = details.kind;
  }
}

function fieldsOf({
  kind,
  operation,
  sid,
  status,
  said,
  requestId,
  tries,
  explanation,
}: RakutenErrorDetails): UserErrorFields {
  const [meaning, nextStep] =
    explanation ?? (operation === 'events' ? EVENTS_MEANINGS[kind] : undefined) ?? MEANINGS[kind];
  const outcome = status === undefined ? (said ?? 'no answer') : `HTTP ${status}`;
  const after = tries !== undefined && tries > 1 ? ` after ${tries} tries` : '';
  const answer = said ? `. It said: ${said}` : '. It said nothing';
  const quoted = status === undefined ? '' : answer;
  return {
    name: 'RakutenError',
    problem: `Rakuten: could not ${OPERATIONS[operation]} of SID ${sid}: ${outcome}${after}${quoted}`,
    meaning,
    nextStep,
    status,
    operation,
    requestId,
  };
}

/** What an answer tells that goes into an error. */
export function answerDetails(
  response: HttpResponse,
  redactor: Redactor,
): Pick<RakutenErrorDetails, 'status' | 'said' | 'requestId'> {
  const requestId = response.headers['x-request-id'];
  return {
    status: response.status,
    said: quote(response.body, redactor),
    requestId: requestId === undefined ? undefined : quote(requestId, redactor),
  };
}
