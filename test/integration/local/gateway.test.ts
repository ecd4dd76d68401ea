import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import * as http from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { sqsClient } from '../../../local/embedded/clients';
import type { FaultyServer } from '../../../local/embedded/server-thread';
import { startSqs } from '../../../local/embedded/sqs';
import { type Gateway, startGateway } from '../../../local/gateway/gateway';
import { LatencyHistogram } from '../../../local/gateway/latency';
import { decodeQuery } from '../../../local/gateway/query';
import type { RestApi } from '../../../local/gateway/rest-api';
import { synthesizedApi } from '../../support/synthesized-api';

interface Fixture {
  readonly id: string;
  readonly label: string;
  readonly query: string;
}
const FIXTURES = JSON.parse(
  readFileSync(join(__dirname, '../../fixtures/postbacks.json'), 'utf8'),
) as Fixture[];

let api: RestApi;
beforeAll(async () => {
  ({ api } = await synthesizedApi());
});

const endpoint = (gateway: Gateway): string => `${gateway.url}/prod/postback`;

/** The normalised query string of a message, back in parameters. */
function parametersOf(body: string): [string, string][] {
  const message = new URLSearchParams(body);
  return [...new URLSearchParams(message.get('q') ?? '')];
}

describe('the answer to a postback', () => {
  /** An SQS that gives one answer to everything, or none. */
  async function stubSqs(
    answer: (response: http.ServerResponse, body: string) => void,
  ): Promise<{ url: string; close: () => void }> {
    const server = http.createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      answer(response, body);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      close: () => server.close().closeAllConnections(),
    };
  }

  const answerTo = async (sqsEndpoint: string, served: RestApi = api) => {
    const gateway = await startGateway({ sqsEndpoint });
    gateway.deploy(served);
    const response = await fetch(`${endpoint(gateway)}?is_event=N`);
    const result = {
      status: response.status,
      body: await response.json(),
      counted: [...gateway.statistics.byStatus],
    };
    await gateway.close();
    return result;
  };

  it.each([
    [200, 200, { accepted: true }],
    [400, 500, { accepted: false }],
    [403, 500, { accepted: false }],
    [404, 500, { accepted: false }],
    [429, 500, { accepted: false }],
    [500, 500, { accepted: false }],
    [503, 500, { accepted: false }],
  ])('when SQS answers %i is %i', async (sqsStatus, status, body) => {
    const stub = await stubSqs((response) => {
      response.writeHead(sqsStatus, { 'content-type': 'application/x-amz-json-1.0' });
      response.end(
        JSON.stringify(
          sqsStatus === 200
            ? { MessageId: 'm' }
            : { __type: 'com.amazonaws.sqs#Refused', message: 'no' },
        ),
      );
    });
    expect(await answerTo(stub.url)).toEqual({ status, body, counted: [[status, 1]] });
    stub.close();
  });

  it('when SQS breaks the connection is 500', async () => {
    const stub = await stubSqs((response) => response.destroy());
    expect(await answerTo(stub.url)).toMatchObject({
      status: 500,
      body: { message: 'Internal server error' },
    });
    stub.close();
  });

  it('when nothing listens where SQS should is 500', async () => {
    expect((await answerTo('http://127.0.0.1:1')).status).toBe(500);
  });

  it('when SQS answers too late is 504', async () => {
    const stub = await stubSqs(() => {});
    const hasty = {
      ...api,
      methods: api.methods.map((m) => ({
        ...m,
        integration: { ...m.integration, timeoutMillis: 50 },
      })),
    };
    expect(await answerTo(stub.url, hasty)).toMatchObject({
      status: 504,
      body: { message: 'Endpoint request timed out' },
    });
    stub.close();
  });
});

describe('what reaches the queue', () => {
  let sqs: FaultyServer;
  let client: SQSClient;
  let gateway: Gateway;
  let QueueUrl: string;

  beforeAll(async () => {
    sqs = await startSqs();
    client = sqsClient(sqs.endpoint);
    const [method] = api.methods;
    QueueUrl =
      (await client.send(new CreateQueueCommand({ QueueName: method?.integration.queueName })))
        .QueueUrl ?? '';
    gateway = await startGateway({ sqsEndpoint: sqs.endpoint });
    gateway.deploy(api);
  });
  afterAll(async () => {
    await gateway.close();
    client.destroy();
    await sqs.close();
  });

  const received = async (): Promise<string | undefined> => {
    const { Messages: [message] = [] } = await client.send(new ReceiveMessageCommand({ QueueUrl }));
    if (message !== undefined)
      await client.send(
        new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }),
      );
    return message?.Body;
  };

  it.each(FIXTURES)('$id, $label', async ({ query }) => {
    const response = await fetch(`${endpoint(gateway)}?${query}`);
    expect(response.status).toBe(200);
    const body = (await received()) ?? '';
    expect(new Map(parametersOf(body))).toEqual(
      new Map(new URL(`http://h/?${query}`).searchParams),
    );
    const { at, id, ip } = Object.fromEntries(new URLSearchParams(body));
    expect(Math.abs(Date.now() - Number(at))).toBeLessThan(60_000);
    expect({ id, ip }).toEqual({ id: response.headers.get('x-amz-apigw-id'), ip: '127.0.0.1' });
  });

  it.each([
    ['application/json', 200],
    ['application/x-www-form-urlencoded', 200],
    ['text/plain; charset=utf-8', 200],
    ['text/html', 200],
    ['application/xml', 200],
    ['text/xml', 200],
    ['Text/XML', 200],
    ['image/png', 415],
  ])('with the Content-Type %s is answered %i', async (contentType, status) => {
    const response = await fetch(`${endpoint(gateway)}?a=1`, {
      headers: { 'content-type': contentType },
    });
    expect(response.status).toBe(status);
    expect((await received()) !== undefined).toBe(status === 200);
  });

  it('only the one method on the one path', async () => {
    for (const [path, method] of [
      ['/prod/postback', 'POST'],
      ['/prod/postback/', 'GET'],
      ['/prod', 'GET'],
      ['/postback', 'GET'],
      ['/prod/__proto__', 'GET'],
    ] as const) {
      expect((await fetch(gateway.url + path, { method })).status).toBe(403);
    }
    expect(await received()).toBeUndefined();
  });

  it('nothing before the API is deployed', async () => {
    const bare = await startGateway({ sqsEndpoint: sqs.endpoint });
    expect((await fetch(endpoint(bare))).status).toBe(503);
    await bare.close();
  });

  describe('of requests that no URL library would send', () => {
    /** Sends bytes as they are and returns the status. */
    async function raw(requestLine: Buffer): Promise<number> {
      const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
      socket.write(
        Buffer.concat([
          requestLine,
          Buffer.from('\r\nhost: localhost\r\nconnection: close\r\n\r\n'),
        ]),
      );
      let answer = '';
      for await (const chunk of socket) answer += chunk;
      return Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
    }
    const get = (query: string): Buffer =>
      Buffer.from(`GET /prod/postback?${query} HTTP/1.1`, 'latin1');

    it('a token that was not replaced comes through with its brackets', async () => {
      expect(await raw(get('u1=<u1>&x={y|z}'))).toBe(200);
      expect(parametersOf((await received()) ?? '')).toEqual([
        ['u1', '<u1>'],
        ['x', '{y|z}'],
      ]);
    });

    it.each([
      ['a space in the query', get('name=Salt & Pepper')],
      ['a control character', get('name=\x01')],
      ['a byte beyond ASCII', get('name=Th\xe9')],
      ['no HTTP at all', Buffer.from('\x16\x03\x01\x02\x00')],
      ['a newline in the middle', get('a=1\nb=2')],
    ])('%s is a 400, and the next request is served', async (_, bytes) => {
      expect(await raw(bytes)).toBe(400);
      expect(await received()).toBeUndefined();
      expect((await fetch(endpoint(gateway))).status).toBe(200);
      await received();
    });

    it('a URL beyond all limits is a 414', async () => {
      expect(await raw(get(`a=${'x'.repeat(20_000)}`))).toBe(414);
    });
  });

  it('the latency of each request that reached the integration is counted', async () => {
    const before = gateway.statistics.latency.count;
    await fetch(endpoint(gateway));
    await fetch(`${gateway.url}/elsewhere`);
    await received();
    expect(gateway.statistics.latency.count).toBe(before + 1);
    expect(gateway.statistics.latency.percentile(0.5)).toBeGreaterThan(0);
    expect(gateway.statistics.latency.percentile(1)).toBe(gateway.statistics.latency.max);
  });
});

describe('the query string as API Gateway decodes it', () => {
  it.each([
    ['a=1&b=2', { a: '1', b: '2' }],
    ['a=1&a=2&a=', { a: '' }],
    ['a=%2B+%20', { a: '+  ' }],
    ['a=50%&b=%zz&c=%4', { a: '50%', b: '%zz', c: '%4' }],
    ['a=%E9&b=%C3%A9&c=%F0%9F%90%88', { a: '\uFFFD', b: 'é', c: '🐈' }],
    ['a=1;b=2', { a: '1', b: '2' }],
    ['a', { a: '' }],
    ['&&=x&a==b', { '': 'x', a: '=b' }],
    ['', {}],
  ])('%s', (query, expected) => {
    expect(Object.fromEntries(decodeQuery(`/prod/postback?${query}`))).toEqual(expected);
  });
});

describe('the latency histogram', () => {
  it('gives percentiles to a tenth of a millisecond', () => {
    const histogram = new LatencyHistogram();
    for (let millis = 1; millis <= 100; millis += 1) histogram.record(millis);
    expect([
      histogram.percentile(0.5),
      histogram.percentile(0.99),
      histogram.percentile(1),
    ]).toEqual([50.1, 99.1, 100]);
    expect([histogram.count, histogram.max]).toEqual([100, 100]);
  });

  it('is zero when nothing was recorded, and keeps what is beyond its range', () => {
    const histogram = new LatencyHistogram();
    expect(histogram.percentile(0.99)).toBe(0);
    histogram.record(60_000);
    expect(histogram.max).toBe(60_000);
  });
});
