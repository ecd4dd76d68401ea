import { ENVIRONMENT } from '../../core/names';
import { STATE_KEYS } from '../../core/state/publisher-state';
import type { WatchSettings } from '../../core/status-watch/record';
import { STATE_TABLE } from '../faults/names';
import type { CheckedApp } from './apps';
import { type Call, type Context, callOf } from './call';
import type { Deployed, DeployedResource } from './deployed';
import type { ObservedCall } from './observed';

/** Construct path of the function with each bundle. */
const FUNCTIONS: Readonly<Record<string, string>> = {
  consumer: 'CashBack/Postback/Consumer/Function',
  'archiving-consumer': 'CashBack/Postback/Consumer/Function',
  registration: 'CashBack/Postback/RegistrationProvider/Function',
  reconciliation: 'CashBack/Postback/Reconciliation/Function',
  'status-watch': 'CashBack/Postback/StatusWatch/Function',
  'reclaiming-status-watch': 'CashBack/Postback/StatusWatch/Function',
  relay: 'Relay/Relay/Function',
};

/** Where an action has another name than the operation. */
const ACTIONS: Readonly<Record<string, string>> = {
  'lambda:Invoke': 'lambda:InvokeFunction',
  'sqs:SendMessageBatch': 'sqs:SendMessage',
};

interface Place {
  readonly resource: string;
  readonly context?: Context;
  /** @default - the action of the operation */
  readonly action?: string;
}

/** An observed call on each resource of an app that it can be about. Empty if the app has none. */
export function callsOfFunction(
  { bundle, service, operation, input }: ObservedCall,
  app: CheckedApp,
  deployed: Deployed,
): Call[] {
  const role = roleOf(bundle, deployed);
  const place = PLACES[service];
  if (place === undefined)
    throw new Error(`calls to ${service} are not known in tools/iam/calls-of-functions.ts yet`);
  const usual = ACTIONS[`${service}:${operation}`] ?? `${service}:${operation}`;
  if (role === undefined) return [];
  return place(input, app, deployed).map(({ resource, context, action = usual }) =>
    callOf(role, action, resource, context),
  );
}

function roleOf(bundle: string, deployed: Deployed): string | undefined {
  const path = FUNCTIONS[bundle];
  if (path === undefined)
    throw new Error(`the bundle ${bundle} has no function in tools/iam/calls-of-functions.ts`);
  const others = [
    streams(deployed).length > 0 ? 'consumer' : 'archiving-consumer',
    ...(reclaims(deployed) ? [] : ['reclaiming-status-watch']),
  ];
  return others.includes(bundle) ? undefined : deployed.find(path)?.properties.Role;
}

/** Whether the status watch takes a slot back that holds a URL of somebody else. */
function reclaims(deployed: Deployed): boolean {
  const { Environment } = deployed.at(String(FUNCTIONS['status-watch'])).properties;
  const { onTakeover } = JSON.parse(
    Environment.Variables[ENVIRONMENT.statusWatch],
  ) as WatchSettings;
  return onTakeover === 'RECLAIM';
}

const streams = (deployed: Deployed): DeployedResource[] =>
  deployed.of('AWS::KinesisFirehose::DeliveryStream');
const placesOf = (resources: readonly DeployedResource[]): Place[] =>
  resources.map(({ arn }) => ({ resource: arn }));

type Input = ObservedCall['input'];
const PLACES: Readonly<
  Record<string, (input: Input, app: CheckedApp, deployed: Deployed) => Place[]>
> = {
  dynamodb: tablePlaces,
  secretsmanager: ({ SecretId }, app, deployed) => secretPlaces(String(SecretId), app, deployed),
  ssm: ({ Name }, app, deployed) => secretPlaces(String(Name), app, deployed),
  firehose: (_input, _app, deployed) => placesOf(streams(deployed)),
  lambda: (_input, _app, deployed) => placesOf([deployed.at(String(FUNCTIONS.reconciliation))]),
  sqs: (_input, { relayedTo }) => (relayedTo === undefined ? [] : [{ resource: relayedTo }]),
  events: ({ Entries }, _app, deployed) => [
    { resource: defaultBus(deployed), context: eventContext(Entries as Entry[]) },
  ],
};

/**
 * Credentials are in a secret or a parameter, which the same code reads.
 *
 * One scenario names a secret that is nowhere, in place of the credentials.
 */
function secretPlaces(name: string, app: CheckedApp, deployed: Deployed): Place[] {
  if (name.startsWith('url-secret')) {
    return placesOf(
      deployed.of('AWS::SecretsManager::Secret').filter(({ path }) => path.endsWith('/UrlSecret')),
    );
  }
  return app.credentials.map((credential) => {
    const resource = credential.startsWith('arn:') ? credential : deployed.at(credential).arn;
    return {
      resource,
      action: resource.includes(':ssm:') ? 'ssm:GetParameter' : 'secretsmanager:GetSecretValue',
    };
  });
}

interface Entry {
  readonly Source: string;
  readonly DetailType: string;
}

const eventContext = (entries: readonly Entry[]): Context => ({
  'events:source': entries.map(({ Source }) => Source),
  'events:detail-type': entries.map(({ DetailType }) => DetailType),
});

/** The bus that every account has. */
function defaultBus(deployed: Deployed): string {
  const { arn } = deployed.at(String(FUNCTIONS['status-watch']));
  return arn.replace(':lambda:', ':events:').replace(/function:.*/, 'event-bus/default');
}

type Values = Readonly<Record<string, { readonly S?: string }>>;
interface ItemInput {
  readonly TableName?: string;
  readonly RequestItems?: Readonly<Record<string, unknown>>;
  readonly IndexName?: string;
  readonly Item?: Values;
  readonly Key?: Values;
  readonly KeyConditionExpression?: string;
  readonly ExpressionAttributeValues?: Values;
}

function tablePlaces(input: Input, app: CheckedApp, deployed: Deployed): Place[] {
  const { TableName, RequestItems = {}, IndexName, ...item } = input as ItemInput;
  const names = TableName === undefined ? Object.keys(RequestItems) : [TableName];
  return names.map((name) => {
    const isState = name === STATE_TABLE;
    const { arn } = deployed.at(isState ? 'CashBack/Postback/StateTable/Table' : app.table);
    const resource = IndexName === undefined ? arn : `${arn}/index/${IndexName}`;
    // Keys of rows are data. No condition names them.
    return { resource, context: { 'dynamodb:LeadingKeys': [isState ? kindIn(item) : 'a row'] } };
  });
}

/** Partition key of the one item, or of the items of a query. */
function kindIn({
  Item,
  Key,
  KeyConditionExpression = '',
  ExpressionAttributeValues = {},
}: ItemInput): string {
  const name = /=\s*(:\w+)/.exec(KeyConditionExpression)?.[1] ?? '';
  const kind = (Item ?? Key)?.[STATE_KEYS.partition]?.S ?? ExpressionAttributeValues[name]?.S;
  if (kind === undefined) throw new Error('a call to the state table names no partition key');
  return kind;
}
