import { UserError } from '../errors';
import { REGISTRATION_PROPERTIES as P } from '../names';
import { isPlainHttp } from '../rakuten/api/http';
import { type FieldList, parseFieldList } from '../rakuten/postback/fields';

export type ExistingPostbackRule = 'FAIL' | 'REPLACE';
export type RemovalRule = 'DELETE' | 'DISABLE' | 'RESTORE' | 'RETAIN';

/** The slot at Rakuten, and how to use it. */
export interface SlotAccess {
  readonly sid: string;
  readonly credentialsSecret: string;
  readonly existingPostback: ExistingPostbackRule;
  readonly rakutenApiUrl: string;
}

export interface PrecheckProperties extends SlotAccess {
  /** Absent for an endpoint that does not exist yet, whose URL cannot be in the slot. */
  readonly endpointUrl?: string;
}

/** What the template wants at Rakuten. */
export interface Desired extends SlotAccess {
  readonly urlSecret: string;
  readonly endpointUrl: string;
  readonly fields: FieldList;
  readonly enabled: boolean;
  readonly onRemoval: RemovalRule;
  readonly selfTest: boolean;
  readonly limitMillis: number;
  /** The properties as text, to be remembered. */
  readonly raw: Readonly<Record<string, string>>;
}

export const RAKUTEN_API_URL = 'https://api.linksynergy.com';
export const DEFAULT_LIMIT_MILLIS = 400;
const INT32_MAX = 2 ** 31 - 1;

export class PropertyError extends UserError {
  public constructor(property: string, problem: string) {
    super({
      name: 'PropertyError',
      problem: `Property ${property} of the registration ${problem}`,
      nextStep: 'correct it in the stack (or upgrade the construct) and deploy again',
    });
  }
}

type Raw = Readonly<Record<string, unknown>>;

/**
 * Reads the properties of any format version so far: what an older one does not know gets its
 * default, what a newer one added is ignored, since a rollback may bring the properties of the
 * other version. CloudFormation delivers every scalar as text.
 */
export function parseProperties(raw: Raw): Desired {
  const access = parseSlotAccess(raw);
  return {
    ...access,
    urlSecret: urlSecret(raw, access),
    endpointUrl: url(raw, P.endpointUrl, required(raw, P.endpointUrl)),
    fields: fieldList(raw),
    enabled: flag(raw, P.enabled, true),
    // Without a previous URL, RESTORE deletes: that is the default for both cases.
    onRemoval: choice(raw, P.onRemoval, ['DELETE', 'DISABLE', 'RESTORE', 'RETAIN'], 'RESTORE'),
    selfTest: flag(raw, P.selfTest, true),
    limitMillis: limit(raw),
    raw: remembered(raw),
  };
}

/** Reads the properties that name the slot and its credentials, with the same defaults. */
function parseSlotAccess(raw: Raw): SlotAccess {
  return {
    sid: parseSid(raw),
    credentialsSecret: required(raw, P.credentialsSecretArn),
    existingPostback: choice(raw, P.existingPostback, ['FAIL', 'REPLACE'], 'FAIL'),
    rakutenApiUrl: url(raw, P.rakutenApiUrl, text(raw, P.rakutenApiUrl) ?? RAKUTEN_API_URL).replace(
      /\/+$/,
      '',
    ),
  };
}

export function parsePrecheckProperties(raw: Raw): PrecheckProperties {
  return { ...parseSlotAccess(raw), endpointUrl: text(raw, P.endpointUrl) };
}

/** The SID alone, for events whose other properties cannot be read. Undefined when it is none. */
export function sidOf(raw: Raw): string | undefined {
  const sid = text(raw, P.sid);
  return sid !== undefined && /^[1-9]\d{0,9}$/.test(sid) && Number(sid) <= INT32_MAX
    ? sid
    : undefined;
}

function parseSid(raw: Raw): string {
  const sid = sidOf(raw);
  if (sid !== undefined) return sid;
  throw new PropertyError(
    P.sid,
    `is '${text(raw, P.sid) ?? ''}', not a publisher id such as 3900112`,
  );
}

/** Undefined for what is absent or empty. */
function text(raw: Raw, name: string): string | undefined {
  const value = raw[name];
  if (value === undefined || value === null || value === '') return undefined;
  return typeof value === 'string' ? value.trim() : JSON.stringify(value);
}

function required(raw: Raw, name: string): string {
  const value = text(raw, name);
  if (value === undefined) throw new PropertyError(name, 'is missing');
  return value;
}

/** The value of the URL secret is sent in the URL: never that of the credentials. */
function urlSecret(raw: Raw, { credentialsSecret }: SlotAccess): string {
  const id = required(raw, P.urlSecretArn);
  if (id === credentialsSecret)
    throw new PropertyError(P.urlSecretArn, 'is the secret of the credentials');
  return id;
}

function url(_raw: Raw, name: string, value: string): string {
  const parsed = URL.canParse(value) ? new URL(value) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol))
    throw new PropertyError(name, 'is not an http or https URL');
  if (isPlainHttp(value))
    throw new PropertyError(name, 'is plain http, which is allowed for this machine only');
  if (parsed.search !== '' || parsed.hash !== '' || parsed.username !== '') {
    throw new PropertyError(
      name,
      'has a query, a fragment or a user name, which do not belong there',
    );
  }
  return value;
}

function flag(raw: Raw, name: string, otherwise: boolean): boolean {
  const value = text(raw, name)?.toLowerCase();
  if (value === undefined) return otherwise;
  if (value === 'true' || value === 'false') return value === 'true';
  throw new PropertyError(name, `is '${value}', not true or false`);
}

function choice<T extends string>(raw: Raw, name: string, choices: readonly T[], otherwise: T): T {
  const value = text(raw, name)?.toUpperCase();
  if (value === undefined) return otherwise;
  const chosen = choices.find((c) => c === value);
  if (chosen === undefined)
    throw new PropertyError(name, `is '${value}', not one of ${choices.join(', ')}`);
  return chosen;
}

function limit(raw: Raw): number {
  const value = Number(text(raw, P.acknowledgementLimitMillis) ?? DEFAULT_LIMIT_MILLIS);
  if (value >= 1 && value <= 10_000) return value;
  throw new PropertyError(
    P.acknowledgementLimitMillis,
    'is not a number of milliseconds from 1 to 10000',
  );
}

function fieldList(raw: Raw): FieldList {
  const list = required(raw, P.fieldList);
  try {
    return parseFieldList(list);
  } catch (error) {
    throw new PropertyError(P.fieldList, `cannot be read: ${(error as Error).message}`);
  }
}

/** Our own properties only: CloudFormation adds some, such as `ServiceToken`. */
function remembered(raw: Raw): Record<string, string> {
  const entries = Object.values(P).map((name) => [name, text(raw, name)] as const);
  return Object.fromEntries(
    entries.filter((entry): entry is [(typeof entry)[0], string] => entry[1] !== undefined),
  );
}
