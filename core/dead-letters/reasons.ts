import type { ContentsKind } from './contents';

/** Why a message failed, in words, and the next step. */
export interface Reason {
  readonly why: string;
  readonly next: string;
}

const REDRIVE = 'cdk-rakuten-postback dlq redrive';

interface KnownReason {
  readonly matches: RegExp;
  readonly why: string | ((noted: string) => string);
  readonly next: string;
}

/** Of the consumer's notes, `<name of the error>: <message>`. The first match counts. */
const KNOWN_REASONS: readonly KnownReason[] = [
  {
    matches: /not a message of the endpoint/,
    why: 'the endpoint did not write this message: another sender put it into the queue',
    next: 'inspect it with "cdk-rakuten-postback dlq show", find out who may write to the queue, and drop it; a redrive would fail again',
  },
  {
    matches: /no publisher is registered/,
    why: 'no publisher was registered in the state table, so the owner of the postback is unknown',
    next: `deploy the stack again, which registers the publisher; then ${REDRIVE}`,
  },
  {
    matches: /^(ResourceNotFoundException|TableNotFoundException)/,
    why: 'the transaction table or the state table was not there',
    next: `find out which with "cdk-rakuten-postback doctor"; restore it from its backup under the same name, or deploy again; then ${REDRIVE}`,
  },
  {
    matches: /KMS|InaccessibleEncryptionCredentials|InaccessibleEncryptionCredentialsException/i,
    why: "the table's encryption key could not be used",
    next: `enable the key and grant the consumer's role kms:Encrypt, kms:Decrypt and kms:GenerateDataKey on it; then ${REDRIVE}`,
  },
  {
    matches: /^(AccessDenied|NotAuthorized|UnrecognizedClient)/,
    why: (noted) => `the consumer lacked a permission${permissionIn(noted)}`,
    next: `deploy again, which restores its role, and check service control policies and permission boundaries; then ${REDRIVE}`,
  },
  {
    matches: /^(ProvisionedThroughputExceeded|Throttling|RequestLimitExceeded|LimitExceeded)/,
    why: 'DynamoDB throttled the write through five invocations, each of which waited for it',
    next: `wait until the burst is over; before the next one raise dayShards, or lower maxConcurrency (docs/limits.md); then ${REDRIVE}`,
  },
  {
    matches: /^RowContentionError/,
    why: 'other writers changed the row again and again until the deadline',
    next: `wait until the burst for that line is over; then ${REDRIVE}`,
  },
  {
    matches: /did not answer in time|^TimeoutError|timed? ?out/i,
    why: 'DynamoDB did not answer in time',
    next: `check whether it does now with "cdk-rakuten-postback doctor"; then ${REDRIVE}`,
  },
  {
    matches:
      /^InternalServerError|^ServiceUnavailable|ECONNREFUSED|ECONNRESET|EPIPE|ENOTFOUND|EAI_AGAIN|socket hang up/i,
    why: 'DynamoDB could not be reached or failed itself',
    next: `check whether it works now with "cdk-rakuten-postback doctor"; then ${REDRIVE}`,
  },
  {
    matches: /^ValidationException/,
    why: (noted) => `DynamoDB refused the row: ${messageIn(noted)}`,
    next: `check the keys and indexes of the table with "cdk-rakuten-postback doctor"; then ${REDRIVE}. If they are correct, report this message's "dlq show"`,
  },
];

/**
 * Explains a failure.
 *
 * @param noted the consumer's note; undefined without one
 */
export function reasonOf(noted: string | undefined, kind: ContentsKind): Reason {
  if (kind === 'unreadable') return inWords(KNOWN_REASONS[0], noted ?? '');
  if (noted === undefined) {
    return {
      why: 'there is no note: the consumer was throttled, cut off or did not start',
      next: `check the consumer with "cdk-rakuten-postback doctor" and read its log; then ${REDRIVE}`,
    };
  }
  const known = KNOWN_REASONS.find(({ matches }) => matches.test(noted));
  if (known !== undefined) return inWords(known, noted);
  return {
    why: noted,
    next: `search the consumer's log for the message's id; after the fix ${REDRIVE}`,
  };
}

function inWords(known: KnownReason | undefined, noted: string): Reason {
  const { why = noted, next = '' } = known ?? {};
  return { why: typeof why === 'string' ? why : why(noted), next };
}

function permissionIn(noted: string): string {
  const [, permission, resource] = /perform: (\S+)(?: on resource: (\S+))?/.exec(noted) ?? [];
  return permission === undefined
    ? ''
    : `: ${permission}${resource === undefined ? '' : ` on ${resource}`}`;
}

const messageIn = (noted: string): string => noted.replace(/^\w+: /, '');
