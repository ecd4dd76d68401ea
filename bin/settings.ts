import { RemovalPolicy } from 'aws-cdk-lib';
import { ExistingPostback, PostbackFields, RemovalAction } from '../lib';
import { type Problem, sidProblem, urlProblem } from '../lib/private/checks';

/** What the app in `bin/` can be told. */
export interface AppSettings {
  readonly sid: string;
  readonly credentialsSecretName: string;
  readonly stackName: string;
  readonly fields: PostbackFields;
  readonly removalPolicy: RemovalPolicy;
  readonly existingPostback?: ExistingPostback;
  readonly onRemoval?: RemovalAction;
  readonly rakutenApiUrl?: string;
  readonly endpointBaseUrl?: string;
  readonly domain?: DomainSettings;
  readonly alarmEmail?: string;
}

/** A name of your own for the endpoint, in a hosted zone of Route 53. */
export interface DomainSettings {
  readonly name: string;
  readonly hostedZoneId: string;
  readonly hostedZoneName: string;
}

/** A setting is missing or wrong. The message says which, and how to give it. */
export class SettingError extends Error {}

/** Context name and environment variable of each setting. Context wins. */
const SETTINGS = {
  sid: 'RAKUTEN_SID',
  credentialsSecretName: 'RAKUTEN_CREDENTIALS_SECRET_NAME',
  rakutenApiUrl: 'RAKUTEN_API_URL',
  endpointBaseUrl: 'RAKUTEN_ENDPOINT_BASE_URL',
  domainName: 'RAKUTEN_DOMAIN_NAME',
  hostedZoneId: 'RAKUTEN_HOSTED_ZONE_ID',
  hostedZoneName: 'RAKUTEN_HOSTED_ZONE_NAME',
  fields: 'RAKUTEN_FIELDS',
  removalPolicy: 'RAKUTEN_REMOVAL_POLICY',
  existingPostback: 'RAKUTEN_EXISTING_POSTBACK',
  onRemoval: 'RAKUTEN_ON_REMOVAL',
  stackName: 'RAKUTEN_STACK_NAME',
  alarmEmail: 'RAKUTEN_ALARM_EMAIL',
} as const;

type SettingName = keyof typeof SETTINGS;

/** Reads the settings. Throws a SettingError. */
export function appSettings(
  context: (name: string) => unknown,
  environment: Record<string, string | undefined>,
): AppSettings {
  const read = (name: SettingName): string | undefined => {
    const value = context(name) ?? environment[SETTINGS[name]];
    return value === undefined || value === '' ? undefined : String(value);
  };
  const required = (name: SettingName, what: string): string => {
    const value = read(name);
    if (value !== undefined) return value;
    throw new SettingError(
      `the setting '${name}' is missing: ${what}. Give it as "-c ${name}=…" or in the environment as ${SETTINGS[name]}`,
    );
  };
  const settings: AppSettings = {
    sid: required('sid', 'the publisher id (SID) at Rakuten Advertising, a number such as 3900112'),
    credentialsSecretName: required(
      'credentialsSecretName',
      'the name of the Secrets Manager secret with {"clientId": "…", "clientSecret": "…"} or {"accessToken": "…"}',
    ),
    stackName: read('stackName') ?? 'RakutenPostback',
    fields: asSetting(() => fieldsFrom(read('fields'))),
    removalPolicy: oneOf('removalPolicy', read('removalPolicy') ?? 'retain', RemovalPolicies),
    existingPostback: oneOf('existingPostback', read('existingPostback'), ExistingPostback),
    onRemoval: oneOf('onRemoval', read('onRemoval'), RemovalAction),
    rakutenApiUrl: read('rakutenApiUrl'),
    endpointBaseUrl: read('endpointBaseUrl'),
    domain: domainFrom(read('domainName'), read('hostedZoneId'), read('hostedZoneName')),
    alarmEmail: read('alarmEmail'),
  };
  const problems: Problem[] = [
    sidProblem(settings.sid),
    secretNameProblem(settings.credentialsSecretName),
    stackNameProblem(settings.stackName),
    urlProblem('rakutenApiUrl', settings.rakutenApiUrl, false),
    urlProblem('endpointBaseUrl', settings.endpointBaseUrl, true),
    emailProblem(settings.alarmEmail),
  ];
  for (const problem of problems) if (problem !== undefined) throw new SettingError(problem);
  return settings;
}

function secretNameProblem(name: string): Problem {
  if (!name.startsWith('arn:')) return undefined;
  return `credentialsSecretName is '${name}'; give the secret's name, such as rakuten/api, not its ARN`;
}

function stackNameProblem(name: string): Problem {
  if (/^[A-Za-z][A-Za-z0-9-]{0,127}$/.test(name)) return undefined;
  return `stackName is '${name}'; CloudFormation takes a letter and then up to 127 letters, digits and hyphens`;
}

/** The zone's name is that of the domain without its first label, unless it is given. */
function domainFrom(
  name: string | undefined,
  hostedZoneId: string | undefined,
  zone: string | undefined,
): DomainSettings | undefined {
  if (name === undefined && hostedZoneId === undefined && zone === undefined) return undefined;
  if (name === undefined)
    throw new SettingError(
      "hostedZoneId or hostedZoneName is given without domainName; give the endpoint's name too",
    );
  if (hostedZoneId === undefined) {
    throw new SettingError(
      `domainName is '${name}' and hostedZoneId is missing; give the id of its hosted zone in Route 53, such as Z0123456789ABCDEFGHIJ`,
    );
  }
  const hostedZoneName = zone ?? name.replace(/^[^.]+\./, '');
  if (name !== hostedZoneName && !name.endsWith(`.${hostedZoneName}`)) {
    throw new SettingError(
      `domainName is '${name}', which is not in the hosted zone '${hostedZoneName}'; give a name that ends with it`,
    );
  }
  return { name, hostedZoneId, hostedZoneName };
}

function emailProblem(address: string | undefined): Problem {
  if (address === undefined || /^[^\s@,]+@[^\s@,]+\.[^\s@,]+$/.test(address)) return undefined;
  return `alarmEmail is '${address}'; give one address, such as you@example.com`;
}

/**
 * Fields from one line of text: names separated by commas; `u1:unique_id` renames, `source=rakuten`
 * is a static value, a leading `all` keeps every field and `exactly:` before the first takes the
 * list literally. `all,u1:unique_id` is everything with one field renamed.
 */
export function fieldsFrom(text: string | undefined): PostbackFields {
  if (text === undefined) return PostbackFields.all();
  const exactly = text.startsWith(EXACTLY);
  const entries = (exactly ? text.slice(EXACTLY.length) : text)
    .split(',')
    .map((entry) => entry.trim());
  const named = entries.filter((entry) => entry !== '' && !entry.includes('='));
  const all = named[0] === ALL || named.length === 0;
  if (exactly && all)
    throw new Error(
      `${EXACTLY} needs the names of fields behind it, such as ${EXACTLY}is_event,etransaction_id`,
    );

  const asked = (named[0] === ALL ? named.slice(1) : named).map(fieldAndName);
  let fields = all
    ? PostbackFields.all()
    : PostbackFields[exactly ? 'exactly' : 'only'](...asked.map(([field]) => field));
  for (const [field, name] of asked) if (name !== undefined) fields = fields.rename(field, name);
  for (const entry of entries.filter((e) => e.includes('='))) {
    const equals = entry.indexOf('=');
    fields = fields.staticValue(entry.slice(0, equals), entry.slice(equals + 1));
  }
  return fields;
}

const ALL = 'all';
const EXACTLY = 'exactly:';

function fieldAndName(entry: string): [field: string, name?: string] {
  const [field = '', name, ...more] = entry.split(':');
  if (more.length > 0) throw new Error(`'${entry}' has more than one colon; write field:name`);
  return name === undefined ? [field] : [field, name];
}

/** An error of the construct's about a value that came from a setting is one about the setting. */
function asSetting<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new SettingError(
      `the setting 'fields': ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

const RemovalPolicies = { RETAIN: RemovalPolicy.RETAIN, DESTROY: RemovalPolicy.DESTROY };

function oneOf<T>(name: SettingName, text: string, choices: Record<string, T>): T;
function oneOf<T>(
  name: SettingName,
  text: string | undefined,
  choices: Record<string, T>,
): T | undefined;
function oneOf<T>(
  name: SettingName,
  text: string | undefined,
  choices: Record<string, T>,
): T | undefined {
  if (text === undefined) return undefined;
  const choice = choices[text.toUpperCase()];
  if (choice !== undefined) return choice;
  throw new SettingError(
    `the setting '${name}' is '${text}'; give one of ${Object.keys(choices).join(', ').toLowerCase()}`,
  );
}
