import { createHash, randomBytes, randomUUID } from 'node:crypto';
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
import { ARCHIVE_COLUMNS } from '../../../core/archive/archive-record';
import { ENVIRONMENT, METRICS } from '../../../core/names';
import { ALL_FIELDS, type FieldList, fieldListId } from '../../../core/rakuten/postback/fields';
import {
  type AcceptedUrl,
  FAILURE_KIND,
  FAILURE_REASON,
  PUBLISHER_KIND,
  STATE_DOCUMENT,
} from '../../../core/state/publisher-state';
import { createStateTableInput, createTableInput } from '../../../core/state/table';
import type { Item } from '../../../core/transactions/attributes';
import { toItem } from '../../../core/transactions/item';
import { lineIdOf } from '../../../core/transactions/keys';
import { applyAnswer, EMPTY_ROW } from '../../../core/transactions/row-state';
import { itemKey } from '../../../core/transactions/row-store';
import { close, listen } from '../../../fake-rakuten/http-server';
import { dynamoDbClient } from '../../../local/embedded/clients';
import { startDynamoDb } from '../../../local/embedded/dynamodb';
import type { FaultyServer } from '../../../local/embedded/server-thread';
import { ExecutionEnvironment } from '../../../local/lambda/environment';
import { MetricSums } from '../../../local/metrics';
import { answeredLine } from '../../support/histories';
import { messageBody } from '../../support/messages';

const TABLE = 'transactions';
const STATE = 'state';
const SID = '3900112';
/** Secrets as they are made: nothing else in a test contains these texts. */
const secrets = {
  current: newSecret(),
  next: newSecret(),
  previous: newSecret(),
  wrong: newSecret(),
};
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
    taskRoot: join(__dirname, '../../../lambda-dist', options.bundle ?? 'consumer'),
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
/** Emits each line of output. It comes through a pipe, perhaps after the function's response. */
const written = new EventEmitter();

beforeAll(async () => {
  server = await startDynamoDb();
  client = dynamoDbClient(server.endpoint);
  for (const input of [createTableInput(TABLE), createStateTableInput(STATE)]) {
    await client.send(new CreateTableCommand(input));
    await waitUntilTableExists(
      { client, maxWaitTime: 10, minDelay: 0.01 },
      { TableName: input.TableName },
    );
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
      Item: {
        kind: { S: PUBLISHER_KIND },
        id: { S: SID },
        [STATE_DOCUMENT]: { S: JSON.stringify({ sid: SID, accepted: urls }) },
      },
    }),
  );

/** The query string of a new line. */
function query(
  values: Record<string, string> = {},
  secret: string | null = secrets.current,
  list: FieldList = ALL_FIELDS,
): string {
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
  const fields = Object.entries(line).map(
    ([name, value]) => `${name}=${encodeURIComponent(value)}`,
  );
  return [...(secret === null ? [] : [`k=${secret}`]), `f=${fieldListId(list)}`, ...fields].join(
    '&',
  );
}

function eventOf(bodies: readonly string[]): SQSEvent {
  return {
    Records: bodies.map((body, i) => ({
      messageId: `m${lines}-${i}`,
      receiptHandle: `r${i}`,
      body,
      attributes: {
        ApproximateReceiveCount: '1',
        SentTimestamp: '0',
        SenderId: 'a',
        ApproximateFirstReceiveTimestamp: '0',
      },
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
  METRICS.otherPushes,
  METRICS.differingPushes,
  METRICS.foreignSid,
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

/** Invokes the consumer with the bodies as one batch. */
async function deliver(
  bodies: readonly string[],
  to: ExecutionEnvironment = consumer,
): Promise<BatchResult> {
  const event = eventOf(bodies);
  const from = output.length;
  const response = (await to.invoke(event)) as SQSBatchResponse;
  const messageIds = event.Records.map(({ messageId }) => messageId);
  // The last thing a consumer does with a batch is to say so.
  while (!output.slice(from).some((line) => line.includes('"message":"batch"')))
    await once(written, 'line');
  const sums = new MetricSums();
  const log = output
    .slice(from)
    .filter((line) => !sums.read(line))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const counts = COUNTED.map((name) => [name, sums.sum(name)] as const);
  return {
    failed: response.batchItemFailures
      .map(({ itemIdentifier }) => messageIds.indexOf(itemIdentifier))
      .sort(),
    metrics: Object.fromEntries(counts.filter(([, count]) => count > 0)),
    log,
    messageIds,
  };
}

/** The row of the line with this ID. */
async function row(id: number | string = lines, prefix = 'T'): Promise<Item | undefined> {
  const Key = itemKey({ lineId: lineIdOf(SID, `${prefix}${id}`), isEvent: 'N' });
  const { Item } = await client.send(
    new GetItemCommand({ TableName: TABLE, Key, ConsistentRead: true }),
  );
  return Item;
}

async function note(kind: string, id = ''): Promise<Item | undefined> {
  const { Item } = await client.send(
    new GetItemCommand({ TableName: STATE, Key: { kind: { S: kind }, id: { S: id } } }),
  );
  return Item;
}

async function scan(TableName: string): Promise<Item[]> {
  const items: Item[] = [];
  for await (const page of paginateScan({ client }, { TableName }))
    items.push(...(page.Items ?? []));
  return items;
}

describe('a batch', () => {
  it('becomes rows when nothing is wrong with it', async () => {
    const result = await deliver([
      messageBody(query()),
      messageBody(query()),
      messageBody(query()),
    ]);
    expect(result).toMatchObject({ failed: [], metrics: { [METRICS.stored]: 3 } });
    expect(await row()).toMatchObject({
      u1: { S: 'm_58813_k4' },
      sale_amount: { N: '129.9' },
      request_id: { S: 'JKJaXmPLvHcESHA=' },
    });
  });

  it('returns only its unreadable message, and records the reason without its content', async () => {
    const result = await deliver([
      messageBody(query()),
      'order_id=ORDER-4711&sale_amount=99',
      messageBody(query()),
    ]);
    expect(result).toMatchObject({
      failed: [1],
      metrics: { [METRICS.stored]: 2, [METRICS.failed]: 1 },
    });
    expect(await row(lines - 1)).toBeDefined();
    expect(await row(lines)).toBeDefined();

    const reason = expect.stringMatching(
      /^Error: not a message of the endpoint: expected a form with at/,
    );
    const noted = await note('failure', result.messageIds[1]);
    expect(noted).toMatchObject({ reason: { S: reason } });
    const expiry = Number(noted?.expires_at?.N) - Date.now() / 1000;
    expect(Math.round(expiry / 86_400)).toBe(14);
    expect(result.log).toContainEqual(
      expect.objectContaining({
        level: 'ERROR',
        message: 'message failed',
        reason,
        messageId: result.messageIds[1],
        received: 1,
      }),
    );
    expect(JSON.stringify([noted, result.log])).not.toContain('4711');
  });

  it('returns every message when all of them fail', async () => {
    expect(await deliver(['', 'x', '{}'])).toMatchObject({
      failed: [0, 1, 2],
      metrics: { [METRICS.failed]: 3 },
    });
  });

  it('with many messages of one line writes its row once', async () => {
    const bodies = Array.from({ length: 40 }, (_, index) =>
      messageBody(query({ etransaction_id: 'ONE', sale_amount: String(index % 8) }), {
        requestId: `r${String(index).padStart(2, '0')}`,
      }),
    );
    // A second write would be refused.
    await server.refuse({ operations: ['UpdateItem'], status: 500, type: 'InternalServerError' });
    const result = await deliver(bodies);
    expect(result).toMatchObject({
      failed: [],
      metrics: { [METRICS.stored]: 1, [METRICS.duplicate]: 39 },
    });
    const kept = await row('ONE', '');
    expect([kept?.sale_amount?.N, kept?.other_pushes?.L?.length, kept?.more_pushes?.BOOL]).toEqual([
      '0',
      5,
      true,
    ]);
  });

  it('has all messages of a row come again when that row cannot be written, and no others', async () => {
    const [twice, other] = [query(), query()];
    await deliver([messageBody(twice)]);
    await server.refuse({
      operations: ['UpdateItem'],
      status: 400,
      type: 'ValidationException',
      message: 'too large',
    });
    const bodies = ['1', '2'].map((amount) =>
      messageBody(twice.replace('129.90', amount), { requestId: amount }),
    );
    const { failed, metrics } = await deliver([
      bodies[0] ?? '',
      messageBody(other),
      bodies[1] ?? '',
    ]);
    expect({ failed, metrics }).toEqual({
      failed: [0, 2],
      metrics: { [METRICS.stored]: 1, [METRICS.failed]: 2 },
    });
  });

  it('is counted and logged by outcome, each log line with the ID of the request and of the message', async () => {
    const sent = query();
    expect((await deliver([messageBody(sent)])).metrics).toEqual({ [METRICS.stored]: 1 });
    const later = { requestId: 'second', receivedAt: '2026-04-18T09:40:00.000Z' };
    expect((await deliver([messageBody(sent, later)])).metrics).toEqual({ [METRICS.duplicate]: 1 });
    const changed = sent.replace('129.90', '119.90');
    expect((await deliver([messageBody(changed, later)])).metrics).toEqual({
      [METRICS.otherPushes]: 1,
    });
    expect(await row()).toMatchObject({
      sale_amount: { N: '129.9' },
      other_pushes: { L: [{ M: { sale_amount: { N: '119.9' } } }] },
    });
    const earlier = { requestId: 'third', receivedAt: '2026-04-18T09:00:00.000Z' };
    const { metrics, log, messageIds } = await deliver([messageBody(changed, earlier)]);
    expect(metrics).toEqual({ [METRICS.changed]: 1 });
    expect(await row()).toMatchObject({
      sale_amount: { N: '119.9' },
      received_at: { S: earlier.receivedAt },
    });
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
      expect.objectContaining({
        level: 'INFO',
        message: 'batch',
        messages: 1,
        changed: 1,
        failed: 0,
      }),
    ]);
  });

  it('counts a postback that differs from the answer of the Events API, and changes nothing that the row shows', async () => {
    const { key, answer } = answeredLine(
      {
        etransaction_id: `T${lines + 1}`,
        is_event: 'N',
        sid: Number(SID),
        order_id: `C-${lines + 1}`,
        sale_amount: 129.9,
        u1: '',
      },
      '2026-04-18T10:00:00.000Z',
    );
    const item = toItem(key, applyAnswer(EMPTY_ROW, answer), { dayShards: 1 });
    await client.send(new PutItemCommand({ TableName: TABLE, Item: item }));
    const late = { receivedAt: '2026-04-18T11:00:00.000Z' };
    const forged = messageBody(
      query({ sale_amount: '1', u1: 'attacker', process_date: '2099-01-01T00:00:00Z' }),
      late,
    );
    expect((await deliver([forged])).metrics).toEqual({
      [METRICS.changed]: 1,
      [METRICS.differingPushes]: 1,
    });
    const { sale_amount, u1, process_day, verified_at, differing_fields } = (await row()) ?? {};
    expect({ sale_amount, u1, process_day, verified_at }).toEqual({
      sale_amount: { N: '129.9' },
      u1: undefined,
      process_day: item.process_day,
      verified_at: item.verified_at,
    });
    expect(differing_fields?.L).toEqual([{ S: 'sale_amount' }, { S: 'commissions' }, { S: 'u1' }]);
    expect((await deliver([forged])).metrics).toEqual({ [METRICS.duplicate]: 1 });
  });

  it('cannot bring a message that claims to come from the Events API', async () => {
    const body = messageBody(query());
    expect((await deliver([`src=events-api&sid=${SID}&${body}`])).metrics).toEqual({
      [METRICS.stored]: 1,
    });
    expect(await row()).toMatchObject({ source: { S: 'push' } });
    expect((await row())?.verified_at).toBeUndefined();
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

describe('a postback with another `sid` than that of its URL secret', () => {
  it('is a row of the publisher of the secret, with a parse problem, and is counted', async () => {
    const other = accepted(secrets.next);
    await client.send(
      new PutItemCommand({
        TableName: STATE,
        Item: {
          kind: { S: PUBLISHER_KIND },
          id: { S: '9999999' },
          [STATE_DOCUMENT]: { S: JSON.stringify({ sid: '9999999', accepted: [other] }) },
        },
      }),
    );
    const ids = ['3900112', '9999999', '3900112.0', ''].map((sid) => {
      const sent = query({ sid });
      return { sent, id: `T${lines}`, isForeign: sid === '9999999' };
    });
    const { metrics } = await deliver(ids.map(({ sent }) => messageBody(sent)));
    expect(metrics).toEqual({
      [METRICS.stored]: 4,
      [METRICS.foreignSid]: 1,
      [METRICS.parseProblems]: 1,
    });
    for (const { id, isForeign } of ids) {
      const found = await row(id, '');
      expect(found?.parse_problems?.L).toEqual(
        isForeign
          ? [{ S: 'sid: 9999999 is not the publisher of this URL, which is 3900112' }]
          : undefined,
      );
    }
    // The same transaction ID under the other publisher's secret is another row.
    const same = query({ etransaction_id: ids[1]?.id ?? '', sid: '9999999' }, secrets.next);
    expect((await deliver([messageBody(same)])).metrics).toEqual({ [METRICS.stored]: 1 });
    const rows = (await scan(TABLE)).filter(({ line_id }) =>
      line_id?.S?.endsWith(`#${ids[1]?.id}`),
    );
    expect(rows.map(({ line_id }) => line_id?.S).sort()).toEqual([
      `3900112#${ids[1]?.id}`,
      `9999999#${ids[1]?.id}`,
    ]);
    await client.send(
      new DeleteItemCommand({
        TableName: STATE,
        Key: { kind: { S: PUBLISHER_KIND }, id: { S: '9999999' } },
      }),
    );
  });
});

describe('a line that cannot be read whole', () => {
  it('is a row that names its parse problems, and is counted once', async () => {
    const sent = messageBody(
      query({ sale_amount: '1,234.50', process_date: '2026-02-31T00:00:00Z' }),
    );
    expect(await deliver([sent])).toMatchObject({
      failed: [],
      metrics: { [METRICS.stored]: 1, [METRICS.parseProblems]: 1 },
    });
    expect(await row()).toMatchObject({
      commissions: { N: '6.495' },
      query: { S: expect.stringContaining('sale_amount=1,234.50') },
      parse_problems: {
        L: [
          { S: expect.stringContaining('process_date: not a possible date') },
          { S: 'sale_amount: not a number: "1,234.50"' },
        ],
      },
    });
    expect((await deliver([sent])).metrics).toEqual({ [METRICS.duplicate]: 1 });
  });
});

describe('a GET that is no postback', () => {
  it('is counted when it is forged, and neither stored nor retried', async () => {
    const forged = [
      query({}, secrets.wrong),
      query({}, null),
      query({}, ''),
      query({}, `${secrets.current}x`),
      query({}, secrets.current.slice(1)),
      'u1=1',
    ];
    const { failed, metrics, log } = await deliver([
      ...forged.map((sent) => messageBody(sent)),
      messageBody(query()),
    ]);
    expect({ failed, metrics }).toEqual({
      failed: [],
      metrics: { [METRICS.forged]: forged.length, [METRICS.stored]: 1 },
    });
    for (let line = lines - 5; line < lines; line += 1) expect(await row(line)).toBeUndefined();
    // A flood of them must not become a flood of log lines; what is logged says where it came from
    // and nothing else.
    const rejected = log.filter(({ message }) => message === 'rejected');
    expect(rejected).toHaveLength(3);
    for (const { level, timestamp, service, function_request_id, message, ...rest } of rejected) {
      expect(level).toBe('WARN');
      expect(rest).toEqual({
        reason: expect.stringMatching(
          /^(no secret in the query string|the secret in the query string is not accepted)$/,
        ),
        requestId: 'JKJaXmPLvHcESHA=',
        messageId: expect.stringMatching(/^m/),
        sourceIp: '198.51.100.7',
      });
    }
  });

  it('is counted when it is empty, or has the secret and no field of Rakuten', async () => {
    const before = await scan(TABLE);
    const bodies = [
      '',
      `k=${secrets.current}`,
      `k=${secrets.current}&f=1&u1=&order_id=<order_id>`,
    ].map((sent) => messageBody(sent));
    expect(await deliver(bodies)).toMatchObject({
      failed: [],
      metrics: { [METRICS.notAPostback]: 3 },
    });
    expect(await scan(TABLE)).toEqual(before);
  });

  it('is recorded as seen when it is a probe with the secret, and becomes no row', async () => {
    const before = await scan(TABLE);
    const [seen, unseen] = [randomUUID(), randomUUID()];
    const probe = `k=${secrets.current}&f=1&probe=${seen}`;
    const forged = `k=${secrets.wrong}&f=1&probe=${unseen}`;
    expect(await deliver([messageBody(probe), messageBody(forged)])).toMatchObject({
      failed: [],
      metrics: { [METRICS.probes]: 1, [METRICS.forged]: 1 },
    });
    expect(await note('probe', seen)).toMatchObject({
      seen_at: { S: expect.stringMatching(/^\d{4}-.*Z$/) },
      expires_at: { N: expect.any(String) },
    });
    expect(await note('probe', unseen)).toBeUndefined();
    expect(await scan(TABLE)).toEqual(before);
  });

  it('stays a line when a probe parameter is added to it, in the slot or in the link of a buyer', async () => {
    const known = (await scan(TABLE)).length;
    const id = randomUUID();
    const bodies = [id, '1', ''].map((probe, index) =>
      messageBody(`${query({ etransaction_id: `with-probe-${index}` })}&probe=${probe}`),
    );
    expect(await deliver(bodies)).toMatchObject({ failed: [], metrics: { [METRICS.stored]: 3 } });
    expect([(await scan(TABLE)).length - known, await note('probe', id)]).toEqual([3, undefined]);
  });

  it.each([
    ['too long for a key of DynamoDB', 'x'.repeat(1025)],
    ['of another form', '1'],
    ['empty', ''],
  ])(
    'is rejected as forged, and not tried again, when its probe ID is %s',
    async (_what, probe) => {
      const result = await deliver([messageBody(`k=${secrets.current}&f=1&probe=${probe}`)]);
      expect(result).toMatchObject({ failed: [], metrics: { [METRICS.forged]: 1 } });
      expect(result.log).toContainEqual(
        expect.objectContaining({ message: 'rejected', reason: 'a probe without an ID of ours' }),
      );
    },
  );
});

describe('a rotation of the secret', () => {
  const ENDED = '2026-04-18T10:00:00.000Z';
  const arrivedBefore = { receivedAt: '2026-04-18T09:59:59.999Z' };
  const arrivedAfter = { receivedAt: '2026-04-18T10:00:00.000Z' };
  const rotate = () =>
    register(accepted(secrets.next), accepted(secrets.current, { acceptedUntil: ENDED }));

  it('is recognised by a consumer that knows the old one, between two batches and within one', async () => {
    await deliver([messageBody(query())]);
    await rotate();
    const both = [
      messageBody(query({}, secrets.next)),
      messageBody(query(), arrivedBefore),
      messageBody(query({}, secrets.wrong)),
    ];
    expect(await deliver(both)).toMatchObject({
      failed: [],
      metrics: { [METRICS.stored]: 2, [METRICS.forged]: 1 },
    });
  });

  it('accepts the old one until it expires, by the arrival of the postback and not by its processing', async () => {
    await rotate();
    expect(
      await deliver([messageBody(query(), arrivedBefore), messageBody(query(), arrivedAfter)]),
    ).toMatchObject({
      failed: [],
      metrics: { [METRICS.stored]: 1, [METRICS.forged]: 1 },
    });
    expect(await row(lines - 1)).toBeDefined();
    expect(await row(lines)).toBeUndefined();
  });

  it('reads the state once for a batch, however many secrets in it are not known', async () => {
    await server.refuse({
      operations: ['Query'],
      status: 500,
      type: 'InternalServerError',
      times: 1,
    });
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

  it('reads a postback in flight by its old names', async () => {
    await register(
      accepted(secrets.current),
      accepted(secrets.current, { fields: before, fieldListId: fieldListId(before) }),
    );
    const old = query(
      { u1: '', unique_id: 'm_before', source: 'rakuten' },
      secrets.current,
      before,
    ).replace('&u1=', '');
    const current = query({ u1: 'm_after' });
    expect(await deliver([messageBody(old), messageBody(current)])).toMatchObject({
      failed: [],
      metrics: { [METRICS.stored]: 2 },
    });
    expect(await row(lines - 1)).toMatchObject({
      u1: { S: 'm_before' },
      extra: { M: { source: { S: 'rakuten' } } },
    });
    expect(await row(lines)).toMatchObject({ u1: { S: 'm_after' } });
  });

  it('is recognised by a consumer that knows the secret already', async () => {
    await deliver([messageBody(query())]);
    await register(accepted(secrets.current, { fields: before, fieldListId: fieldListId(before) }));
    await deliver([messageBody(query({ unique_id: 'm_new' }, secrets.current, before))]);
    expect(await row()).toMatchObject({ u1: { S: 'm_new' } });
  });

  it('reads a postback with an unknown list by the newest one, and keeps the parameters that it does not name', async () => {
    const unknown: FieldList = [{ name: 'x', field: 'u1' }];
    await deliver([messageBody(query({ x: 'm_x' }, secrets.current, unknown))]);
    expect(await row()).toMatchObject({
      u1: { S: 'm_58813_k4' },
      extra: { M: { x: { S: 'm_x' } } },
    });
  });
});

describe('when something it needs is missing', () => {
  it('keeps a postback in the queue while no publisher is registered, as its owner is unknown', async () => {
    await client.send(
      new DeleteItemCommand({
        TableName: STATE,
        Key: { kind: { S: PUBLISHER_KIND }, id: { S: SID } },
      }),
    );
    const sent = messageBody(query());
    const { failed, messageIds } = await deliver([sent]);
    expect(failed).toEqual([0]);
    expect(await note('failure', messageIds[0])).toMatchObject({
      reason: { S: expect.stringContaining('no publisher is registered in the state table') },
    });
    await register(accepted(secrets.current));
    expect(await deliver([sent])).toMatchObject({ failed: [], metrics: { [METRICS.stored]: 1 } });
  });

  it('waits for a table that throttles, and reports messages as failed with the reason at its deadline', async () => {
    const sent = (amount: string) =>
      Array.from({ length: 10 }, (_, i) =>
        messageBody(
          query({ etransaction_id: `THROTTLED-${i}`, order_id: `H-${i}`, sale_amount: amount }),
          { requestId: amount },
        ),
      );
    const others = sent('11');
    // Two seconds for its messages.
    const hasty = start(server.endpoint, { timeoutSeconds: 7 });
    await deliver(sent('10'), hasty);
    const refusal = {
      operations: ['UpdateItem'],
      status: 400,
      type: 'ProvisionedThroughputExceededException',
      message: 'slow down',
    };
    await server.refuse(refusal);
    const { failed, metrics, messageIds } = await deliver(others, hasty);
    expect([failed.length, metrics]).toEqual([10, { [METRICS.failed]: 10 }]);
    for (const id of messageIds)
      expect((await note(FAILURE_KIND, id))?.[FAILURE_REASON]).toEqual({
        S: 'ProvisionedThroughputExceededException: slow down',
      });

    await hasty.close();

    // A burst that passes within the time of an invocation.
    await server.refuse({ ...refusal, times: 25 });
    expect(await deliver(others)).toMatchObject({
      failed: [],
      metrics: { [METRICS.otherPushes]: 10 },
    });
  });

  it('reads the publishers again after that was throttled', async () => {
    await server.refuse({
      operations: ['Query'],
      status: 400,
      type: 'ThrottlingException',
      times: 2,
    });
    expect(await deliver([messageBody(query())])).toMatchObject({
      failed: [],
      metrics: { [METRICS.stored]: 1 },
    });
  });

  it('reports everything as failed while DynamoDB cannot be reached', async () => {
    const cutOff = start('http://127.0.0.1:1');
    const { failed, log } = await deliver([messageBody(query()), messageBody(query())], cutOff);
    expect(failed).toEqual([0, 1]);
    expect(log).toContainEqual(
      expect.objectContaining({
        message: 'message failed',
        reason: expect.stringContaining('ECONNREFUSED'),
      }),
    );
    expect(log).toContainEqual(
      expect.objectContaining({ message: 'the reason of a failed message was not recorded' }),
    );
    await cutOff.close();
  });

  it('returns before its timeout when no request is answered', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as { port: number };
    const stuck = start(`http://127.0.0.1:${port}`, { timeoutSeconds: 8 });
    const { failed, log } = await deliver([messageBody(query()), messageBody(query())], stuck);
    expect(failed).toEqual([0, 1]);
    expect(log).toContainEqual(
      expect.objectContaining({
        reason: 'TimeoutError: DynamoDB did not answer in time; the message is tried again',
      }),
    );
    await stuck.close();
    silent.close();
  });

  it('names the GET in every log line of a message, also where it fails', async () => {
    const bodies = [
      messageBody(query(), { requestId: 'a-line' }),
      messageBody(`k=${secrets.current}&f=1&probe=${randomUUID()}`, { requestId: 'a-probe' }),
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

  it('logs no content of a postback unless configured to, and never the URL secret', async () => {
    const values = { u1: 'a-member-of-ours', order_id: 'AN-ORDER', sale_amount: '4711.08' };
    const bodies = [messageBody(query(values)), messageBody(query(values, secrets.wrong))];
    const silent = JSON.stringify((await deliver(bodies)).log);
    for (const value of [...Object.values(values), ...Object.values(secrets)])
      expect(silent).not.toContain(value);

    const from = output.length;
    const talking = start(server.endpoint, {
      variables: { ...VARIABLES, [ENVIRONMENT.logPayloads]: 'true' },
    });
    const { log } = await deliver(bodies, talking);
    await talking.close();
    // The last test of this file looks through all else that was written.
    output.splice(from);
    for (const message of ['line', 'rejected']) {
      const { query: logged } = log.find((line) => line.message === message) ?? {};
      expect(Object.fromEntries(new URLSearchParams(String(logged)))).toMatchObject(values);
    }
    for (const secret of Object.values(secrets)) expect(JSON.stringify(log)).not.toContain(secret);
  });

  it('emits the number of delivered lines with each batch, also zero', async () => {
    const from = output.length;
    await deliver([messageBody(`k=${secrets.current}&f=1&probe=${randomUUID()}`)]);
    await deliver([messageBody(query())]);
    const documents = output
      .slice(from)
      .filter((line) => line.includes('CloudWatchMetrics'))
      .map((line) => JSON.parse(line));
    expect(documents.map((document) => document[METRICS.deliveredByPush])).toEqual([0, 1]);
  });

  it('does not start without its environment, and names the missing variable', async () => {
    const bare = start(server.endpoint, { variables: {} });
    await expect(bare.invoke(eventOf([]))).rejects.toThrow(
      'the environment variable METRICS_SERVICE is not set; the construct sets it, so deploy the function through it',
    );
    await bare.close();
  });
});

describe('with an archive', () => {
  /** A Firehose that refuses what `answer` returns an error code for. */
  let archived: Record<string, string>[] = [];
  let answer: (line: string) => string | undefined = () => undefined;
  const firehose = createHttpServer(async (request, response) => {
    const body = JSON.parse(Buffer.concat(await request.toArray()).toString()) as {
      Records: { Data: string }[];
    };
    const responses = body.Records.map(({ Data }) => {
      const line = Buffer.from(Data, 'base64').toString();
      const ErrorCode = answer(line);
      if (ErrorCode === undefined) archived.push(JSON.parse(line));
      return ErrorCode === undefined
        ? { RecordId: 'r' }
        : { ErrorCode, ErrorMessage: 'Slow down.' };
    });
    const FailedPutCount = responses.filter(({ ErrorCode }) => ErrorCode !== undefined).length;
    response
      .setHeader('content-type', 'application/x-amz-json-1.1')
      .end(JSON.stringify({ FailedPutCount, RequestResponses: responses }));
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

  it('archives each message with its outcome, a forged one too, and no secret', async () => {
    const first = query({ product_name: 'Größe & Farbe' });
    const forged = query({}, secrets.wrong);
    const { failed } = await deliver(
      [messageBody(first), messageBody(first), messageBody(forged), messageBody('')],
      archiving,
    );
    expect(failed).toEqual([]);
    expect(archived.map(({ outcome, source }) => `${source}: ${outcome}`).sort()).toEqual([
      'push: duplicate',
      'push: forged',
      'push: not-a-postback',
      'push: stored',
    ]);
    for (const line of archived) {
      expect(Object.keys(line)).toEqual(ARCHIVE_COLUMNS.filter((name) => name in line));
      expect(line.query).not.toMatch(/(^|&)[kf]=/);
    }
    const stored = archived.find(
      ({ outcome, source }) => source === 'push' && outcome === 'stored',
    );
    expect(stored).toMatchObject({
      received_at: '2026-04-18T09:31:13.250Z',
      source_ip: '198.51.100.7',
      line_id: `${SID}#T${lines - 1}`,
      is_event: 'N',
    });
    expect(new URLSearchParams(stored?.query).get('product_name')).toBe('Größe & Farbe');
    const text = JSON.stringify(archived);
    for (const secret of Object.values(secrets)) expect(text).not.toContain(secret);
  });

  it('returns a message that was not archived although its row was written, and archives it then', async () => {
    const [refused, taken] = [query(), query()];
    answer = (line) =>
      line.includes(`C-${lines - 1}`) ? 'ServiceUnavailableException' : undefined;
    const { failed, metrics, messageIds } = await deliver(
      [messageBody(refused), messageBody(taken)],
      archiving,
    );
    expect({ failed, metrics }).toMatchObject({
      failed: [0],
      metrics: { [METRICS.stored]: 2, [METRICS.failed]: 1 },
    });
    expect(await noteOf(messageIds[0] ?? '')).toContain(
      'did not take the message for the archive: ServiceUnavailableException Slow down.',
    );
    answer = () => undefined;
    expect((await deliver([messageBody(refused)], archiving)).failed).toEqual([]);
    expect(archived.map(({ outcome }) => outcome)).toEqual(['stored', 'duplicate']);
  });

  it('writes the rows also when the archive cannot be reached, and returns each message', async () => {
    const unreachable = start(server.endpoint, {
      bundle: 'archiving-consumer',
      variables: {
        ...VARIABLES,
        [ENVIRONMENT.archiveStreamName]: 'archive',
        AWS_ENDPOINT_URL_FIREHOSE: 'http://127.0.0.1:1',
      },
    });
    const { failed, metrics } = await deliver(
      [messageBody(query()), messageBody(query())],
      unreachable,
    );
    expect({ failed, metrics }).toMatchObject({
      failed: [0, 1],
      metrics: { [METRICS.stored]: 2, [METRICS.failed]: 2 },
    });
    await unreachable.close();
  });

  const noteOf = async (messageId: string): Promise<string> => {
    const key = { kind: { S: FAILURE_KIND }, id: { S: messageId } };
    const { Item } = await client.send(new GetItemCommand({ TableName: STATE, Key: key }));
    return Item?.[FAILURE_REASON]?.S ?? '';
  };
});

it('sets an expiry on events where one is configured, and on no other line', async () => {
  const expiring = start(server.endpoint, {
    variables: { ...VARIABLES, [ENVIRONMENT.preliminaryExpiry]: '7776000' },
  });
  await deliver([messageBody(query({ is_event: 'Y' })), messageBody(query())], expiring);
  const rows = (await scan(TABLE)).filter(({ line_id }) =>
    [`${SID}#T${lines}`, `${SID}#T${lines - 1}`].includes(line_id?.S ?? ''),
  );
  const received = Math.floor(Date.parse('2026-04-18T09:31:13.250Z') / 1000);
  expect(rows.map(({ is_event, expires_at }) => [is_event?.S, expires_at?.N]).sort()).toEqual([
    ['N', undefined],
    ['Y', String(received + 7_776_000)],
  ]);
  await expiring.close();
});

it('sets an expiry on each line where rows expire, and the earlier one on events', async () => {
  const variables = {
    ...VARIABLES,
    [ENVIRONMENT.preliminaryExpiry]: '7776000',
    [ENVIRONMENT.rowExpiry]: '34560000',
  };
  const expiring = start(server.endpoint, { variables });
  await deliver([messageBody(query({ is_event: 'Y' })), messageBody(query())], expiring);
  const rows = (await scan(TABLE)).filter(({ line_id }) =>
    [`${SID}#T${lines}`, `${SID}#T${lines - 1}`].includes(line_id?.S ?? ''),
  );
  const received = Math.floor(Date.parse('2026-04-18T09:31:13.250Z') / 1000);
  expect(rows.map(({ is_event, expires_at }) => [is_event?.S, expires_at?.N]).sort()).toEqual([
    ['N', String(received + 34_560_000)],
    ['Y', String(received + 7_776_000)],
  ]);
  await expiring.close();
});

it('writes no secret and no value of a postback to a log, and no secret to a table', async () => {
  const everything = output.join('\n');
  expect(output.length).toBeGreaterThan(50);
  for (const line of output) expect(() => JSON.parse(line)).not.toThrow();
  const stored = JSON.stringify([await scan(TABLE), await scan(STATE)]);
  for (const secret of Object.values(secrets)) {
    for (const form of [
      secret,
      encodeURIComponent(secret),
      Buffer.from(secret).toString('base64'),
      secret.slice(0, 20),
    ]) {
      expect(everything).not.toContain(form);
      expect(stored).not.toContain(form);
    }
  }
  for (const value of ['m_58813_k4', '129.9', '1,234', 'C-1', '2026-04-18T09:31:12'])
    expect(everything).not.toContain(value);
});
