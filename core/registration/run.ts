import { UserError } from '../errors';
import { RakutenClient, type Slot } from '../rakuten/api/client';
import { parseCredentials } from '../rakuten/api/credentials';
import { Redactor } from '../rakuten/api/redact';
import type { ApiContext } from '../rakuten/api/request-with-retry';
import { postbackUrl } from '../rakuten/postback/url';
import { sha256 } from '../sha256';
import type { PublisherState } from '../state/publisher-state';
import { assertAllowed } from './allowed-urls';
import type { LeasedPorts, ReadingPorts } from './ports';
import type { Desired, SlotAccess } from './properties';
import type { Belongings } from './slot-url';

/** What one run on one slot works with. One that changes the slot has its lease. */
export interface Run<Ports extends ReadingPorts = LeasedPorts> {
  readonly desired: Desired;
  readonly ports: Ports;
  readonly redactor: Redactor;
  readonly client: RakutenClient;
  /** Milliseconds since 1970 by which the work must be done. */
  readonly workUntil: number;
  /** What is left after `workUntil` is for putting back what was half done. */
  readonly endUntil: number;
  /**
   * The custom resource on whose behalf this is done; absent for the command line and the watch.
   */
  readonly owner?: string;
  /** The id of the request of CloudFormation, which may come again; absent as `owner` is. */
  readonly request?: string;
}

export interface RunOptions {
  readonly endUntil: number;
  /** How much of the time is kept for putting things back. */
  readonly reserveMillis: number;
  readonly redactor?: Redactor;
  readonly owner?: string;
  readonly request?: string;
}

/**
 * Reads the credentials and makes the client. Throws when they cannot be used, or must not be sent
 * where the properties say.
 */
export async function openRun<Ports extends ReadingPorts>(
  ports: Ports,
  desired: Desired,
  options: RunOptions,
): Promise<Run<Ports>> {
  const redactor = options.redactor ?? new Redactor();
  assertAllowed(ports.urls, desired);
  const client = await openClient(ports, desired, redactor);
  const { endUntil, owner, request } = options;
  return {
    desired,
    ports,
    redactor,
    client,
    owner,
    request,
    endUntil,
    workUntil: endUntil - options.reserveMillis,
  };
}

/** Reads the credentials and makes the client of a slot. Throws when they cannot be used. */
export async function openClient(
  ports: Pick<ReadingPorts, 'readSecret' | 'urls' | 'send' | 'clock' | 'log'>,
  slot: SlotAccess,
  redactor: Redactor,
): Promise<RakutenClient> {
  const { sid, credentialsSecret, rakutenApiUrl: baseUrl } = slot;
  assertAllowed(ports.urls, { rakutenApiUrl: baseUrl });
  const { send, clock } = ports;
  const credentials = parseCredentials(
    await ports.readSecret(credentialsSecret),
    credentialsSecret,
  );
  const onTry: ApiContext['onTry'] = (tried) => ports.log('Rakuten call', { ...tried, sid });
  return new RakutenClient({ baseUrl, sid, send, clock, redactor, onTry }, credentials);
}

const SHORTEST_URL_SECRET = 16;

export async function readUrlSecret({
  ports,
  desired,
  redactor,
}: Pick<Run<ReadingPorts>, 'desired' | 'redactor'> & {
  readonly ports: Pick<ReadingPorts, 'readSecret'>;
}): Promise<string> {
  const secret = await ports.readSecret(desired.urlSecret);
  redactor.add(secret);
  checkUrlSecret(desired.urlSecret, secret);
  return secret;
}

/** Throws when the secret could be guessed, or is none: credentials, or a URL to restore. */
export function checkUrlSecret(id: string, secret: string): void {
  const problem = urlSecretProblem(secret);
  if (problem === undefined) return;
  throw new UserError({
    name: 'UrlSecretError',
    problem: `The secret ${id}, whose value goes into the postback URL, ${problem}`,
    nextStep: 'put a long random value into it and deploy again',
  });
}

function urlSecretProblem(secret: string): string | undefined {
  if (secret.length < SHORTEST_URL_SECRET)
    return `has fewer than ${SHORTEST_URL_SECRET} characters and could be guessed`;
  if (isJsonObject(secret)) return 'is a JSON object, as credentials are';
  return /^\s*https?:/i.test(secret) ? 'is a URL' : undefined;
}

export function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

/** The slot that a publisher's properties ask for. */
export const wantedSlot = ({ endpointUrl, fields, enabled }: Desired, secret: string): Slot => ({
  url: postbackUrl(endpointUrl, secret, fields),
  active: enabled,
});

/**
 * What is known to be ours: the endpoint, and every secret that was ever registered or is about to
 * be.
 */
export function belongings(
  desired: Desired,
  state: PublisherState | undefined,
  secret?: string,
): Belongings {
  const hashes = state?.accepted.map((entry) => entry.secretSha256) ?? [];
  return {
    endpoints: [desired.endpointUrl],
    secretHashes: secret === undefined ? hashes : [sha256(secret), ...hashes],
  };
}
