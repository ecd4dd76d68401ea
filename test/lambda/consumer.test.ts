import { createHash, randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import {
  CreateTableCommand,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  paginateScan,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { ARCHIVE_COLUMNS } from '../../core/archive/record';
import { ENVIRONMENT, METRICS } from '../../core/names';
import { ALL_FIELDS, type FieldList, fieldListId } from '../../core/rakuten/fields';
import { writeEventsApiMessage } from '../../core/rakuten/message';
import type { Item } from '../../core/store/attributes';
import { type AcceptedUrl, FAILURE_KIND, FAILURE_REASON, PUBLISHER_KIND, STATE_DOCUMENT } from '../../core/store/publisher-state';
import { createStateTableInput, createTableInput } from '../../core/store/table';
import { dynamoDbClient } from '../../local/embedded/clients';
import { startDynamoDb } from '../../local/embedded/dynamodb';
import type { FaultyServer } from '../../local/embedded/server-thread';
import { close, listen } from '../../local/http-server';
import { ExecutionEnvironment } from '../../local/lambda/environment';
import { MetricSums } from '../../local/metrics';
import { messageBody } from '../support/messages';

const TABLE = 'transactions';
const STATE = 'state';
const SID = '3900112';
/** Secrets as they are made: nothing else in a test contains these texts. */
const secrets = { current: newSecret(), next: newSecret(), previous: newSecret(), wrong: newSecret() };
function newSecret(): string {
  return randomBytes(32).toString('base64url').replace(/[-_]/g, 'x');
}

let server: FaultyServer;
let client: DynamoDBClient;
let consumer: ExecutionEnvironment;
/** Everything that any consumer of this file wrote. */
const output: string[] = [];
let lines = 0;

const VARIABLES = {
  [ENVIRONMENT.tableName]: TABLE,
  [ENVIRONMENT.stateTableName]: STATE,
  [ENVIRONMENT.dayShards]: '1',
  [ENVIRONMENT.metricsNamespace]: 'RakutenPostback',
  [ENVIRONMENT.metricsService]: 'test',
};

/** A process that runs the bundle as Lambda does. */
const start = (
  dynamodb: string,
  options: { bundle?: string; timeoutSeconds?: number; variables?: Record<string, string> } = {},
): ExecutionEnvironment =>
  new ExecutionEnvironment({
    name: 'consumer',
    taskRoot: join(__dirname, '../../lambda-dist', options.bundle ?? 'consumer'),
    handler: 'index.handler',
    timeoutSeconds: options.timeoutSeconds ?? 30,
    memoryMegabytes: 256,
    variables: options.variables ?? VARIABLES,
    endpoints: { dynamodb, sqs: 'http://127.0.0.1:1', secretsManager: 'http://127.0.0.1:1' },
    onOutput: (line) => {
      output.push(line);
      written.emit('line');
    },
  });
/** Tells of each line of output. It comes through a pipe, perhaps after the function's answer. */
const written = new EventEmitter();

beforeAll(async () => {
  server = await startDynamoDb();
  client = dynamoDbClient(server.endpoint);
  for (const input of [createTableInput(TABLE), createStateTableInput(STATE)]) {
    await client.send(new CreateTableCommand(input));
    await waitUntilTableExists({ client, maxWaitTime: 10, minDelay: 0.01 }, { TableName: input.TableName });
  }
});
afterAll(async () => {
  await consumer?.close();
  client?.destroy();
  await server?.close();
});
beforeEach(async () => {
  await register(accepted(secrets.current));
  consumer = start(server.endpoint);
});
afterEach(async () => {
  await consumer.close();
  await server.accept();
});

const accepted = (secret: string, rest: Partial<AcceptedUrl> = {}): AcceptedUrl => ({
  secretSha256: createHash('sha256').update(secret).digest('hex'),
  fieldListId: fieldListId(ALL_FIELDS),
  fields: ALL_FIELDS,
  ...rest,
});

/** Puts the publisher's state where the registration puts it. */
const register = (...urls: AcceptedUrl[]) =>
  client.send(
    new PutItemCommand({
      TableName: STATE,
      Item: { kind: { S: PUBLISHER_KIND }, id: { S: SID }, [STATE_DOCUMENT]: { S: JSON.stringify({ sid: SID, accepted: urls }) } },
    }),
  );

/** The query string of a line that nobody has sent so far. */
function query(values: Record<string, string> = {}, secret: string | null = secrets.current, list: FieldList = ALL_FIELDS): string {
  lines += 1;
  const line: Record<string, string> = {
    is_event: 'N',
    etransaction_id: `T${lines}`,
    sid: SID,
    advertiser_id: '41207',
    order_id: `C-${lines}`,
    sale_amount: '129.90',
    commissions: '6.495',
    u1: 'm_58813_k4',
    process_date: '2026-04-18T09:31:12.000+00:00',
    ...values,
  };
  const fields = Object.entries(line).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return [...(secret === null ? [] : [`k=${secret}`]), `f=${fieldListId(list)}`, ...fields].join('&');
}

function eventOf(bodies: readonly string[]): SQSEvent {
  return {
    Records: bodies.map((body, i) => ({
      messageId: `m${lines}-${i}`,
      receiptHandle: `r${i}`,
      body,
      attributes: { ApproximateReceiveCount: '1', SentTimestamp: '0', SenderId: 'a', ApproximateFirstReceiveTimestamp: '0' },
      messageAttributes: {},
      md5OfBody: '',
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:postbacks',
      awsRegion: 'us-east-1',
    })),
  };
}

/** The metrics that say what became of messages and lines. */
const COUNTED = [
  METRICS.stored,
  METRICS.duplicate,
  METRICS.changed,
  METRICS.completed,
  METRICS.forged,
  METRICS.notAPostback,
  METRICS.probes,
  METRICS.parseProblems,
  METRICS.failed,
];

interface BatchResult {
  /** Positions in the batch of the messages that failed. */
  readonly failed: number[];
  readonly metrics: Record<string, number>;
  readonly log: Record<string, unknown>[];
  readonly messageIds: string[];
}

/** Hands the bodies to the consumer as one batch. */
async function deliver(bodies: readonly string[], to: ExecutionEnvironment = consumer): Promise<BatchResult> {
  const event = eventOf(bodies);
  const from = output.length;
  const response = (await to.invoke(event)) as SQSBatchResponse;
  const messageIds = event.Records.map(({ messageId }) => messageId);
  // The last thing a consumer does with a batch is to say so.
  while (!output.slice(from).some((line) => line.includes('"message":"batch"'))) await once(written, 'line');
  const sums = new MetricSums();
  const log = output
    .slice(from)
    .filter((line) => !sums.read(line))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const counts = COUNTED.map((name) => [name, sums.sum(name)] as const);
  return {
    failed: response.batchItemFailures.map(({ itemIdentifier }) => messageIds.indexOf(itemIdentifier)).sort(),
    metrics: Object.fromEntries(counts.filter(([, count]) => count > 0)),
    log,
    messageIds,
  };
}

async function row(id: number | string = lines): Promise<Item | undefined> {
  const Key = { order_key: { S: `${SID}#41207#C-${id}` }, line_key: { S: `T${id}#N` } };
  const { Item } = await client.send(new GetItemCommand({ TableName: TABLE, Key, ConsistentRead: true }));
  return Item;
}

async function note(kind: string, id = ''): Promise<Item | undefined> {
  const { Item } = await client.send(new GetItemCommand({ TableName: STATE, Key: { kind: { S: kind }, id: { S: id } } }));
  return Item;
}

async function scan(TableName: string): Promise<Item[]> {
  const items: Item[] = [];
  for await (const page of paginateScan({ client }, { TableName })) items.push(...(page.Items ?? []));
  return items;
}

describe('a batch', () => {
  it('is all rows when nothing is wrong with it', async () => {
    const result = await deliver([messageBody(query()), messageBody(query()), messageBody(query())]);
    expect(result).toMatchObject({ failed: [], metrics: { [METRICS.stored]: 3 } });
    expect(await row()).toMatchObject({ u1: { S: 'm_58813_k4' }, sale_amount: { N: '129.9' }, request_id: { S: 'JKJaXmPLvHcESHA=' } });
  });

  it('has only its poisonous message come back, with the reason noted and no word of its content', async () => {
    const result = await deliver([messageBody(query()), 'order_id=ORDER-4711&sale_amount=99', messageBody(query())]);
    expect(result).toMatchObject({ failed: [1], metrics: { [METRICS.stored]: 2, [METRICS.failed]: 1 } });
    expect(await row(lines - 1)).toBeDefined();
    expect(await row(lines)).toBeDefined();

    const reason = expect.stringMatching(/^Error: not a message of the endpoint: expected a form with at/);
    const noted = await note('failure', result.messageIds[1]);
    expect(noted).toMatchObject({ reason: { S: reason } });
    const expiry = Number(noted?.expires_at?.N) - Date.now() / 1000;
    expect(Math.round(expiry / 86_400)).toBe(14);
    expect(result.log).toContainEqual(
      expect.objectContaining({ level: 'ERROR', message: 'message failed', reason, messageId: result.messageIds[1], received: 1 }),
    );
    expect(JSON.stringify([noted, result.log])).not.toContain('4711');
  });

  it('is named message by message when all of it fails', async () => {
    expect(await deliver(['', 'x', '{}'])).toMatchObject({ failed: [0, 1, 2], metrics: { [METRICS.failed]: 3 } });
  });

  it('of one line many times over makes one row', async () => {
    const body = messageBody(query());
    const result = await deliver(Array.from({ length: 40 }, () => body));
    expect(result).toMatchObject({ failed: [], metrics: { [METRICS.stored]: 1, [METRICS.duplicate]: 39 } });
  });

  it('is counted and logged by outcome, each log line with the id of the request and of the message', async () => {
    const events = (saleAmount: string) =>
      writeEventsApiMessage({
        sid: SID,
        receivedAt: '2026-04-18T10:00:00.000Z',
        requestId: 'reconciliation-1',
        parameters: [
          ['etransaction_id', `T${lines}`],
          ['advertiser_id', '41207'],
          ['order_id', `C-${lines}`],
          ['is_event', 'N'],
          ['sale_amount', saleAmount],
          ['process_date', 'Sat Apr 18 2026 09:31:12 GMT+0000 (UTC)'],
        ],
      });
    const sent = query();
    expect((await deliver([messageBody(sent)])).metrics).toEqual({ [METRICS.stored]: 1 });
    expect((await deliver([messageBody(sent, { requestId: 'second', receivedAt: '2026-04-18T09:40:00.000Z' })])).metrics).toEqual({
      [METRICS.duplicate]: 1,
    });
    expect((await deliver([events('129.9')])).metrics).toEqual({ [METRICS.completed]: 1 });
    expect(await row()).toMatchObject({ verified_at: { S: '2026-04-18T10:00:00.000Z' }, source: { S: 'push' } });
    const corrected = sent.replace('129.90', '119.90').replace('2026-04-18', '2026-04-19');
    const { metrics, log, messageIds } = await deliver([messageBody(corrected, { requestId: 'third' })]);
    expect(metrics).toEqual({ [METRICS.changed]: 1 });
    expect(await row()).toMatchObject({ sale_amount: { N: '119.9' }, contradicted_at: { S: '2026-04-18T10:00:00.000Z' } });
    expect(log).toEqual([
      {
        level: 'INFO',
        message: 'line',
        timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
        service: 'test',
        function_request_id: 'consumer-4',
        outcome: 'changed',
        requestId: 'third',
        messageId: messageIds[0],
      },
      expect.objectContaining({ level: 'INFO', message: 'batch', messages: 1, changed: 1, failed: 0 }),
    ]);
  });

  it('writes its metrics as one document in the embedded metric format', async () => {
    const from = output.length;
    await deliver([messageBody(query()), 'x']);
    const documents = output.slice(from).filter((line) => line.includes('CloudWatchMetrics'));
    expect(documents.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({
        _aws: {
          Timestamp: expect.any(Number),
          CloudWatchMetrics: [
            {
              Namespace: 'RakutenPostback',
              Dimensions: [['service']],
              Metrics: expect.arrayContaining([
                { Name: METRICS.stored, Unit: 'Count' },
                { Name: METRICS.failed, Unit: 'Count' },
              ]),
            },
          ],
        },
        service: 'test',
        [METRICS.stored]: 1,
        [METRICS.failed]: 1,
      }),
    ]);
  });
});

describe('a line that cannot be read whole', () => {
  it('is a row all the same, which says so and is counted once', async () => {
    const sent = messageBody(query({ sale_amount: '1,234.50', process_date: '2026-02-31T00:00:00Z' }));
    expect(await deliver([sent])).toMatchObject({ failed: [], metrics: { [METRICS.stored]: 1, [METRICS.parseProblems]: 1 } });
    expect(await row()).toMatchObject({
      commissions: { N: '6.495' },
      query: { S: expect.stringContaining('sale_amount=1,234.50') },
      parse_problems: {
        L: [{ S: expect.stringContaining('process_date: not a possible date') }, { S: 'sale_amount: not a number: "1,234.50"' }],
      },
    });
    expect((await deliver([sent])).metrics).toEqual({ [METRICS.duplicate]: 1 });
  });
});

describe('a GET that is no postback', () => {
  it('is counted when it is forged, and neither stored nor tried again', async () => {
    const forged = [
      query({}, secrets.wrong),
      query({}, null),
      query({}, ''),
      query({}, `${secrets.current}x`),
      query({}, secrets.current.slice(1)),
      'u1=1',
    ];
    const { failed, metrics, log } = await deliver([...forged.map((sent) => messageBody(sent)), messageBody(query())]);
    expect({ failed, metrics }).toEqual({ failed: [], metrics: { [METRICS.forged]: forged.length, [METRICS.stored]: 1 } });
    for (let line = lines - 5; line < lines; line += 1) expect(await row(line)).toBeUndefined();
    // A flood of them must not become a flood of log lines; what is logged says where it came from and nothing else.
    const rejected = log.filter(({ message }) => message === 'rejected');
    expect(rejected).toHaveLength(3);
    for (const { level, timestamp, service, function_request_id, message, ...rest } of rejected) {
      expect(level).toBe('WARN');
      expect(rest).toEqual({
        reason: expect.stringMatching(/^(no secret in the query string|the secret in the query string is not one that is accepted)$/),
        requestId: 'JKJaXmPLvHcESHA=',
        messageId: expect.stringMatching(/^m/),
        sourceIp: '198.51.100.7',
      });
    }
  });

  it('is counted when it is empty, or has the secret and no field of Rakuten', async () => {
    const before = await scan(TABLE);
    const bodies = ['', `k=${secrets.current}`, `k=${secrets.current}&f=1&u1=&order_id=<order_id>`].map((sent) => messageBody(sent));
    expect(await deliver(bodies)).toMatchObject({ failed: [], metrics: { [METRICS.notAPostback]: 3 } });
    expect(await scan(TABLE)).toEqual(before);
  });

  it('is marked as seen when it is a probe with the secret, and is no row', async () => {
    const before = await scan(TABLE);
    const probe = `${query()}&probe=probe-1`;
    const forged = `${query({}, secrets.wrong)}&probe=probe-2`;
    expect(await deliver([messageBody(probe), messageBody(forged)])).toMatchObject({
      failed: [],
      metrics: { [METRICS.probes]: 1, [METRICS.forged]: 1 },
    });
    expect(await note('probe', 'probe-1')).toMatchObject({
      seen_at: { S: expect.stringMatching(/^\d{4}-.*Z$/) },
      expires_at: { N: expect.any(String) },
    });
    expect(await note('probe', 'probe-2')).toBeUndefined();
    expect(await scan(TABLE)).toEqual(before);
  });
});

describe('a rotation of the secret', () => {
  const ENDED = '2026-04-18T10:00:00.000Z';
  const arrivedBefore = { receivedAt: '2026-04-18T09:59:59.999Z' };
  const arrivedAfter = { receivedAt: '2026-04-18T10:00:00.000Z' };
  const rotate = () => register(accepted(secrets.next), accepted(secrets.current, { acceptedUntil: ENDED }));

  it('is noticed by a consumer that knows the old one, between two batches and within one', async () => {
    await deliver([messageBody(query())]);
    await rotate();
    const both = [messageBody(query({}, secrets.next)), messageBody(query(), arrivedBefore), messageBody(query({}, secrets.wrong))];
    expect(await deliver(both)).toMatchObject({ failed: [], metrics: { [METRICS.stored]: 2, [METRICS.forged]: 1 } });
  });

  it('lets the old one count until its time is over, by when the postback came and not by when it is read', async () => {
    await rotate();
    expect(await deliver([messageBody(query(), arrivedBefore), messageBody(query(), arrivedAfter)])).toMatchObject({
      failed: [],
      metrics: { [METRICS.stored]: 1, [METRICS.forged]: 1 },
    });
    expect(await row(lines - 1)).toBeDefined();
    expect(await row(lines)).toBeUndefined();
  });

  it('reads the state once for a batch, however many secrets in it are not known', async () => {
    await server.refuse({ operations: ['Query'], status: 500, type: 'InternalServerError', times: 1 });
    const before = server.refusals();
    const bodies = Array.from({ length: 20 }, () => messageBody(query({}, secrets.wrong)));
    expect((await deliver(bodies)).metrics).toEqual({ [METRICS.forged]: 20 });
    expect(server.refusals() - before).toBe(1);
    await server.accept();
  });
});

describe('a change of the field list', () => {
  const before: FieldList = [
    ...ALL_FIELDS.filter(({ name }) => name !== 'u1'),
    { name: 'unique_id', field: 'u1' },
    { name: 'source', value: 'rakuten' },
  ];

  it('leaves a postback that is on its way its old names', async () => {
    await register(accepted(secrets.current), accepted(secrets.current, { fields: before, fieldListId: fieldListId(before) }));
    const old = query({ u1: '', unique_id: 'm_before', source: 'rakuten' }, secrets.current, before).replace('&u1=', '');
    const current = query({ u1: 'm_after' });
    expect(await deliver([messageBody(old), messageBody(current)])).toMatchObject({ failed: [], metrics: { [METRICS.stored]: 2 } });
    expect(await row(lines - 1)).toMatchObject({ u1: { S: 'm_before' }, extra: { M: { source: { S: 'rakuten' } } } });
    expect(await row(lines)).toMatchObject({ u1: { S: 'm_after' } });
  });

  it('is noticed by a consumer that knows the secret already', async () => {
    await deliver([messageBody(query())]);
    await register(accepted(secrets.current, { fields: before, fieldListId: fieldListId(before) }));
    await deliver([messageBody(query({ unique_id: 'm_new' }, secrets.current, before))]);
    expect(await row()).toMatchObject({ u1: { S: 'm_new' } });
  });

  it('reads a postback under a list that nobody knows any more by the newest, and keeps what that has no name for', async () => {
    const unknown: FieldList = [{ name: 'x', field: 'u1' }];
    await deliver([messageBody(query({ x: 'm_x' }, secrets.current, unknown))]);
    expect(await row()).toMatchObject({ u1: { S: 'm_58813_k4' }, extra: { M: { x: { S: 'm_x' } } } });
  });
});

describe('when something it needs is missing', () => {
  it('keeps a postback in the queue while no publisher is registered, as nobody can say whose it is', async () => {
    await client.send(new DeleteItemCommand({ TableName: STATE, Key: { kind: { S: PUBLISHER_KIND }, id: { S: SID } } }));
    const sent = messageBody(query());
    const { failed, messageIds } = await deliver([sent]);
    expect(failed).toEqual([0]);
    expect(await note('failure', messageIds[0])).toMatchObject({
      reason: { S: expect.stringContaining('no publisher is registered in the state table') },
    });
    await register(accepted(secrets.current));
    expect(await deliver([sent])).toMatchObject({ failed: [], metrics: { [METRICS.stored]: 1 } });
  });

  it('waits for a table that throttles, and reports what it throttles to the end as failed, with the reason noted', async () => {
    const told = (amount: string) =>
      Array.from({ length: 10 }, (_, i) =>
        messageBody(query({ etransaction_id: `THROTTLED-${i}`, order_id: `H-${i}`, sale_amount: amount })),
      );
    const corrections = told('11');
    // Two seconds for its messages.
    const hasty = start(server.endpoint, { timeoutSeconds: 7 });
    await deliver(told('10'), hasty);
    const refusal = { operations: ['UpdateItem'], status: 400, type: 'ProvisionedThroughputExceededException', message: 'slow down' };
    await server.refuse(refusal);
    const { failed, metrics, messageIds } = await deliver(corrections, hasty);
    expect([failed.length, metrics]).toEqual([10, { [METRICS.failed]: 10 }]);
    for (const id of messageIds)
      expect((await note(FAILURE_KIND, id))?.[FAILURE_REASON]).toEqual({ S: 'ProvisionedThroughputExceededException: slow down' });

    await hasty.close();

    // A burst that passes within the time of an invocation.
    await server.refuse({ ...refusal, times: 25 });
    expect(await deliver(corrections)).toMatchObject({ failed: [], metrics: { [METRICS.changed]: 10 } });
  }, 30_000);

  it('reads the publishers anew after that was throttled', async () => {
    await server.refuse({ operations: ['Query'], status: 400, type: 'ThrottlingException', times: 2 });
    expect(await deliver([messageBody(query())])).toMatchObject({ failed: [], metrics: { [METRICS.stored]: 1 } });
  }, 30_000);

  it('reports everything as failed while DynamoDB cannot be reached', async () => {
    const cutOff = start('http://127.0.0.1:1');
    const { failed, log } = await deliver([messageBody(query()), messageBody(query())], cutOff);
    expect(failed).toEqual([0, 1]);
    expect(log).toContainEqual(expect.objectContaining({ message: 'message failed', reason: expect.stringContaining('ECONNREFUSED') }));
    expect(log).toContainEqual(expect.objectContaining({ message: 'could not note why a message failed' }));
    await cutOff.close();
  }, 30_000);

  it('answers in time for a batch whose calls are never answered', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as { port: number };
    const stuck = start(`http://127.0.0.1:${port}`, { timeoutSeconds: 8 });
    const { failed, log } = await deliver([messageBody(query()), messageBody(query())], stuck);
    expect(failed).toEqual([0, 1]);
    expect(log).toContainEqual(expect.objectContaining({ reason: 'Error: DynamoDB did not answer in time; the message is tried again' }));
    await stuck.close();
    silent.close();
  }, 30_000);

  it('names the GET in every line that is of one message, also where that fails, so that it can be followed', async () => {
    const bodies = [
      messageBody(query(), { requestId: 'a-line' }),
      messageBody(`${query()}&probe=p`, { requestId: 'a-probe' }),
      messageBody('u1=1', { requestId: 'a-forgery' }),
    ];
    const { log } = await deliver([...bodies, 'id=nothing-of-the-endpoint']);
    const followed = log
      .filter(({ message }) => message !== 'batch')
      .map(({ message, requestId, messageId }) => [message, requestId, typeof messageId]);
    expect(followed.sort()).toEqual([
      ['line', 'a-line', 'string'],
      ['message failed', 'nothing-of-the-endpoint', 'string'],
      ['probe', 'a-probe', 'string'],
      ['rejected', 'a-forgery', 'string'],
    ]);
  });

  it('says nothing of what a postback carries, unless asked for; our secret in no case', async () => {
    const told = { u1: 'a-member-of-ours', order_id: 'AN-ORDER', sale_amount: '4711.08' };
    const bodies = [messageBody(query(told)), messageBody(query(told, secrets.wrong))];
    const silent = JSON.stringify((await deliver(bodies)).log);
    for (const value of [...Object.values(told), ...Object.values(secrets)]) expect(silent).not.toContain(value);

    const from = output.length;
    const talking = start(server.endpoint, { variables: { ...VARIABLES, [ENVIRONMENT.logPayloads]: 'true' } });
    const { log } = await deliver(bodies, talking);
    await talking.close();
    // The last test of this file looks through all else that was written.
    output.splice(from);
    for (const message of ['line', 'rejected']) {
      const { query: logged } = log.find((line) => line.message === message) ?? {};
      expect(Object.fromEntries(new URLSearchParams(String(logged)))).toMatchObject(told);
    }
    for (const secret of Object.values(secrets)) expect(JSON.stringify(log)).not.toContain(secret);
  });

  it('says each time how many lines a postback brought, also when there was none: a probe every few minutes makes silence a number', async () => {
    const from = output.length;
    await deliver([messageBody(`${query()}&probe=heartbeat`)]);
    await deliver([messageBody(query())]);
    const documents = output
      .slice(from)
      .filter((line) => line.includes('CloudWatchMetrics'))
      .map((line) => JSON.parse(line));
    expect(documents.map((document) => document[METRICS.deliveredByPush])).toEqual([0, 1]);
  });

  it('does not start without its environment, and says which variable is missing', async () => {
    const bare = start(server.endpoint, { variables: {} });
    await expect(bare.invoke(eventOf([]))).rejects.toThrow(
      'the environment variable METRICS_SERVICE is not set; the construct sets it, so deploy the function through it',
    );
    await bare.close();
  });
});

describe('with an archive', () => {
  /** Stands in for Firehose: takes what `answer` says it takes. */
  let archived: Record<string, string>[] = [];
  let answer: (line: string) => string | undefined = () => undefined;
  const firehose = createHttpServer(async (request, response) => {
    const body = JSON.parse(Buffer.concat(await request.toArray()).toString()) as { Records: { Data: string }[] };
    const responses = body.Records.map(({ Data }) => {
      const line = Buffer.from(Data, 'base64').toString();
      const ErrorCode = answer(line);
      if (ErrorCode === undefined) archived.push(JSON.parse(line));
      return ErrorCode === undefined ? { RecordId: 'r' } : { ErrorCode, ErrorMessage: 'Slow down.' };
    });
    const FailedPutCount = responses.filter(({ ErrorCode }) => ErrorCode !== undefined).length;
    response.setHeader('content-type', 'application/x-amz-json-1.1').end(JSON.stringify({ FailedPutCount, RequestResponses: responses }));
  });
  let archiving: ExecutionEnvironment;

  beforeAll(async () => {
    await listen(firehose, 0);
    const { port } = firehose.address() as { port: number };
    archiving = start(server.endpoint, {
      bundle: 'archiving-consumer',
      variables: {
        ...VARIABLES,
        [ENVIRONMENT.archiveStreamName]: 'archive',
        AWS_ENDPOINT_URL_FIREHOSE: `http://127.0.0.1:${port}`,
      },
    });
  });
  afterAll(async () => {
    await archiving?.close();
    await close(firehose);
  });
  beforeEach(() => {
    archived = [];
    answer = () => undefined;
  });

  it('keeps each message with what became of it, a forged one too, and no secret', async () => {
    const first = query({ product_name: 'Größe & Farbe' });
    const forged = query({}, secrets.wrong);
    const record = writeEventsApiMessage({
      sid: SID,
      receivedAt: '2026-04-18T10:00:00.000Z',
      requestId: 'reconciliation/hourly',
      parameters: [
        ['etransaction_id', 'told'],
        ['is_event', 'N'],
      ],
    });
    const { failed } = await deliver([messageBody(first), messageBody(first), messageBody(forged), messageBody(''), record], archiving);
    expect(failed).toEqual([]);
    expect(archived.map(({ outcome, source }) => `${source}: ${outcome}`).sort()).toEqual([
      'events-api: stored',
      'push: duplicate',
      'push: forged',
      'push: not-a-postback',
      'push: stored',
    ]);
    for (const line of archived) {
      expect(Object.keys(line)).toEqual(ARCHIVE_COLUMNS.filter((name) => name in line));
      expect(line.query).not.toMatch(/(^|&)[kf]=/);
    }
    const stored = archived.find(({ outcome, source }) => source === 'push' && outcome === 'stored');
    expect(stored).toMatchObject({ received_at: '2026-04-18T09:31:13.250Z', source_ip: '198.51.100.7', line_key: `T${lines - 1}#N` });
    expect(new URLSearchParams(stored?.query).get('product_name')).toBe('Größe & Farbe');
    const text = JSON.stringify(archived);
    for (const secret of Object.values(secrets)) expect(text).not.toContain(secret);
  });

  it('has a message come again that was not taken, though its row is there, and keeps it then', async () => {
    const [refused, taken] = [query(), query()];
    answer = (line) => (line.includes(`C-${lines - 1}`) ? 'ServiceUnavailableException' : undefined);
    const { failed, metrics, messageIds } = await deliver([messageBody(refused), messageBody(taken)], archiving);
    expect({ failed, metrics }).toMatchObject({ failed: [0], metrics: { [METRICS.stored]: 2, [METRICS.failed]: 1 } });
    expect(await noteOf(messageIds[0] ?? '')).toContain('did not take the message for the archive: ServiceUnavailableException Slow down.');
    answer = () => undefined;
    expect((await deliver([messageBody(refused)], archiving)).failed).toEqual([]);
    expect(archived.map(({ outcome }) => outcome)).toEqual(['stored', 'duplicate']);
  });

  it('writes the rows also when the archive cannot be reached, and tries each message again', async () => {
    const unreachable = start(server.endpoint, {
      bundle: 'archiving-consumer',
      variables: { ...VARIABLES, [ENVIRONMENT.archiveStreamName]: 'archive', AWS_ENDPOINT_URL_FIREHOSE: 'http://127.0.0.1:1' },
    });
    const { failed, metrics } = await deliver([messageBody(query()), messageBody(query())], unreachable);
    expect({ failed, metrics }).toMatchObject({ failed: [0, 1], metrics: { [METRICS.stored]: 2, [METRICS.failed]: 2 } });
    await unreachable.close();
  });

  const noteOf = async (messageId: string): Promise<string> => {
    const key = { kind: { S: FAILURE_KIND }, id: { S: messageId } };
    const { Item } = await client.send(new GetItemCommand({ TableName: STATE, Key: key }));
    return Item?.[FAILURE_REASON]?.S ?? '';
  };
});

it('lets a preliminary line expire where that is asked for, and no other', async () => {
  const expiring = start(server.endpoint, { variables: { ...VARIABLES, [ENVIRONMENT.preliminaryExpiry]: '7776000' } });
  await deliver([messageBody(query({ is_event: 'Y' })), messageBody(query())], expiring);
  const rows = (await scan(TABLE)).filter(({ etransaction_id }) => [`T${lines}`, `T${lines - 1}`].includes(etransaction_id?.S ?? ''));
  const processed = Date.parse('2026-04-18T09:31:12.000Z') / 1000;
  expect(rows.map(({ is_event, expires_at }) => [is_event?.S, expires_at?.N]).sort()).toEqual([
    ['N', undefined],
    ['Y', String(processed + 7_776_000)],
  ]);
  await expiring.close();
});

it('has written no secret and no value of a postback to a log, and no secret to a table', async () => {
  const everything = output.join('\n');
  expect(output.length).toBeGreaterThan(50);
  for (const line of output) expect(() => JSON.parse(line)).not.toThrow();
  const stored = JSON.stringify([await scan(TABLE), await scan(STATE)]);
  for (const secret of Object.values(secrets)) {
    for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64'), secret.slice(0, 20)]) {
      expect(everything).not.toContain(form);
      expect(stored).not.toContain(form);
    }
  }
  for (const value of ['m_58813_k4', '129.9', '1,234', 'C-1', '2026-04-18T09:31:12']) expect(everything).not.toContain(value);
});
