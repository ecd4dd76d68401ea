import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type DynamoDBClient, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { REGISTRATION_PROPERTIES as P, URL_PARAMETERS } from '../../core/names';
import { ALL_FIELDS, fieldListId } from '../../core/rakuten/postback/fields';
import { sha256 } from '../../core/sha256';
import { LEASE_HOLDER } from '../../core/state/lease';
import {
  type AcceptedUrl,
  PROBE_KIND,
  PROBE_SEEN_AT,
  PUBLISHER_KIND,
  type PublisherState,
  STATE_DOCUMENT,
  STATE_KEYS,
} from '../../core/state/publisher-state';
import { Publishers } from '../../core/state/publishers';
import { close, listen } from '../../fake-rakuten/http-server';

export interface Endpoint {
  readonly url: string;
  close(): Promise<void>;
}

/** API Gateway, queue and consumer in one: records a probe that has an accepted secret. */
export async function startEndpoint(
  client: DynamoDBClient,
  stateTable: string,
  delayMillis = () => 0,
): Promise<Endpoint> {
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? '', 'http://endpoint').searchParams;
    void note(query).finally(() => setTimeout(() => response.end('ok'), delayMillis()));
  });
  const note = async (query: URLSearchParams): Promise<void> => {
    const probe = query.get(URL_PARAMETERS.probe);
    const publishers = await Publishers.read(client, stateTable);
    const isOurs = publishers.recognise(
      query.get(URL_PARAMETERS.secret) ?? '',
      query.get(URL_PARAMETERS.fieldList) ?? '',
      new Date(),
    );
    if (probe === null || isOurs === undefined) return;
    const Item = {
      [STATE_KEYS.partition]: { S: PROBE_KIND },
      [STATE_KEYS.sort]: { S: probe },
      [PROBE_SEEN_AT]: { S: new Date().toISOString() },
    };
    await client.send(new PutItemCommand({ TableName: stateTable, Item }));
  };
  await listen(server, 0);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/postback`,
    close: () => close(server),
  };
}

export type Properties = Readonly<Record<string, string>>;

/** What the template gives the registration. */
export const propertiesOf = (
  sid: string,
  endpointUrl: string,
  rakutenUrl: string,
  changes: Properties = {},
): Properties => ({
  [P.formatVersion]: '1',
  [P.sid]: sid,
  [P.credentialsSecretArn]: 'credentials',
  [P.urlSecretArn]: 'url-secret',
  [P.endpointUrl]: endpointUrl,
  [P.fieldList]: JSON.stringify(ALL_FIELDS),
  [P.enabled]: 'true',
  [P.existingPostback]: 'FAIL',
  [P.onRemoval]: '',
  [P.rakutenApiUrl]: rakutenUrl,
  [P.selfTest]: 'true',
  ...changes,
});

/** The state's entry for a URL with all fields. */
export const acceptedUrl = (secret: string): AcceptedUrl => ({
  secretSha256: sha256(secret),
  fieldListId: fieldListId(ALL_FIELDS),
  fields: ALL_FIELDS,
});

export type RequestType = 'Create' | 'Update' | 'Delete';

/** A request of CloudFormation, as the provider framework forwards it. */
export const cloudFormationRequest = (
  RequestType: RequestType,
  RequestId: string,
  properties: Properties,
  old?: Properties,
) => ({
  RequestType,
  RequestId,
  StackId: 'arn:aws:cloudformation:us-east-1:111122223333:stack/test/1',
  LogicalResourceId: 'Registration',
  ResourceType: 'Custom::RakutenPostbackRegistration',
  ResponseURL: 'https://cloudformation-answer-url.example/',
  ...(RequestType === 'Create'
    ? {}
    : { PhysicalResourceId: `rakuten-postback-${properties[P.sid]}` }),
  ResourceProperties: withServiceToken(properties),
  ...(old === undefined ? {} : { OldResourceProperties: withServiceToken(old) }),
});

const withServiceToken = (properties: Properties): Properties => ({
  ServiceToken: 'arn:aws:lambda:us-east-1:111122223333:function:provider',
  ...properties,
});

const stateKey = (sid: string) => ({
  [STATE_KEYS.partition]: { S: PUBLISHER_KIND },
  [STATE_KEYS.sort]: { S: sid },
});

/** Writes a publisher's state, whoever has its lease. */
export async function putState(
  client: DynamoDBClient,
  stateTable: string,
  state: PublisherState,
): Promise<void> {
  const Item = { ...stateKey(state.sid), [STATE_DOCUMENT]: { S: JSON.stringify(state) } };
  await client.send(new PutItemCommand({ TableName: stateTable, Item }));
}

/** As after the time for which the lease of a killed run keeps others waiting. */
export const endLease = (client: DynamoDBClient, stateTable: string, sid: string) =>
  client.send(
    new UpdateItemCommand({
      TableName: stateTable,
      Key: stateKey(sid),
      UpdateExpression: 'REMOVE #holder',
      ExpressionAttributeNames: { '#holder': LEASE_HOLDER },
    }),
  );
