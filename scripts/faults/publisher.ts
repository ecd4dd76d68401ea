import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { REGISTRATION_PROPERTIES as P, URL_PARAMETERS } from '../../core/names';
import { ALL_FIELDS } from '../../core/rakuten/fields';
import { LEASE_KIND, PROBE_KIND, PROBE_SEEN_AT, STATE_KEYS } from '../../core/store/publisher-state';
import { Publishers } from '../../core/store/publishers';
import { close, listen } from '../../local/http-server';
import { type Services, STATE_TABLE } from './world';

export interface Endpoint {
  readonly url: string;
  close(): Promise<void>;
}

/** As API Gateway, the queue and the consumer together: a probe under an accepted secret is noted. */
export async function startEndpoint({ client }: Services): Promise<Endpoint> {
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? '', 'http://endpoint').searchParams;
    void note(query).finally(() => response.end('ok'));
  });
  const note = async (query: URLSearchParams): Promise<void> => {
    const probe = query.get(URL_PARAMETERS.probe);
    const publishers = await Publishers.read(client, STATE_TABLE);
    const isOurs = publishers.recognise(query.get(URL_PARAMETERS.secret) ?? '', query.get(URL_PARAMETERS.fieldList) ?? '', new Date());
    if (probe === null || isOurs === undefined) return;
    const Item = {
      [STATE_KEYS.partition]: { S: PROBE_KIND },
      [STATE_KEYS.sort]: { S: probe },
      [PROBE_SEEN_AT]: { S: new Date().toISOString() },
    };
    await client.send(new PutItemCommand({ TableName: STATE_TABLE, Item }));
  };
  await listen(server, 0);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/postback`, close: () => close(server) };
}

/** What the template gives the registration. */
export const propertiesOf = (sid: string, endpointUrl: string, rakutenUrl: string): Record<string, string> => ({
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
  [P.acknowledgementLimitMillis]: '10000',
});

/** As if the minute and a half had passed after which the right of a run that is gone ends. */
export const endLease = ({ client }: Services, sid: string) =>
  client.send(
    new DeleteItemCommand({ TableName: STATE_TABLE, Key: { [STATE_KEYS.partition]: { S: LEASE_KIND }, [STATE_KEYS.sort]: { S: sid } } }),
  );
