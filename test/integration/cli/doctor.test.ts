import { judgeAlarms } from '../../../cli/doctor/checks/alarms';
import { judgeMapping } from '../../../cli/doctor/checks/consumer';
import { judgeProbes } from '../../../cli/doctor/checks/endpoint';
import { judgeMembers, member } from '../../../cli/doctor/checks/member';
import { judgeResults } from '../../../cli/doctor/checks/reconciliation-results';
import { judgeReconciliation, judgeWatch } from '../../../cli/doctor/checks/runs';
import { judgeRules } from '../../../cli/doctor/checks/schedules';
import { judgeSlot } from '../../../cli/doctor/checks/slot';
import { judgeIndexes } from '../../../cli/doctor/checks/tables';
import { urlSecret } from '../../../cli/doctor/checks/url-secret';
import type { Examination } from '../../../cli/doctor/examination';
import { type Check, ok, problem } from '../../../cli/doctor/finding';
import { masked } from '../../../cli/doctor/mask';
import { wrapped } from '../../../cli/doctor/report';
import { examine, type Told } from '../../../cli/doctor/run';
import { spanText } from '../../../cli/doctor/span';
import { CheckSkippedError } from '../../../cli/errors';
import { REGISTRATION_PROPERTIES as P } from '../../../core/names';
import { Redactor } from '../../../core/rakuten/api/redact';
import { ALL_FIELDS } from '../../../core/rakuten/postback/fields';
import type { PublisherState } from '../../../core/state/publisher-state';
import { createTableInput } from '../../../core/state/table';
import { newRecord } from '../../../core/status-watch/record';
import { INDEX_KEYS } from '../../../core/transactions/keys';
import type { LineFields } from '../../../core/transactions/row';
import { dynamoDbClient } from '../../../local/embedded/clients';
import { startDynamoDb } from '../../../local/embedded/dynamodb';
import { createTable, put } from '../../support/seed';

/**
 * How the doctor judges what it sees, and that one link never hides another. What it sees on a
 * running chain: `operations.long-test.ts`.
 */

const NOW = Date.parse('2026-03-28T12:00:00.000Z');
const ago = (minutes: number): string => new Date(NOW - minutes * 60_000).toISOString();

const publisherWith = (properties: Readonly<Record<string, string>>): PublisherState => ({
  sid: '3900112',
  accepted: [{ secretSha256: '', fieldListId: '', fields: ALL_FIELDS }],
  properties: {
    [P.sid]: '3900112',
    [P.credentialsSecretArn]: 'credentials',
    [P.urlSecretArn]: 'url-secret',
    [P.endpointUrl]: 'https://endpoint.test/prod/postback',
    [P.fieldList]: JSON.stringify(ALL_FIELDS),
    [P.rakutenApiUrl]: 'https://api.linksynergy.com',
    ...properties,
  },
});
const PUBLISHER = publisherWith({});

describe('the checks together', () => {
  const examination = {
    redactor: new Redactor(),
    installation: async () => ({ kind: 'stack' }),
  } as unknown as Examination;
  const check = (name: string, run: Check['run'], more: Partial<Check> = {}): Check => ({
    area: 'A',
    name,
    permissions: [],
    run,
    ...more,
  });

  async function told(...checks: Check[]): Promise<Told[]> {
    const seen: Told[] = [];
    const result = await examine(examination, checks, {
      onProgress: () => {},
      onFindings: async (findings) => void seen.push(...findings),
    });
    expect(seen).toEqual(result);
    return result;
  }

  it('tells each in its order, whichever is ready first, and all that one throws', async () => {
    const found = await told(
      check('slow', async () => {
        await new Promise((resolve) => setTimeout(resolve, 30));
        return ok('at last');
      }),
      check('throws', () => Promise.reject(new Error('broken'))),
      check(
        'denied',
        () => Promise.reject(Object.assign(new Error('no'), { name: 'AccessDeniedException' })),
        {
          permissions: ['a:B', 'c:D'],
        },
      ),
      check('after', () => Promise.reject(new CheckSkippedError('not looked at'))),
      check('gone', () =>
        Promise.reject(Object.assign(new Error('no'), { name: 'ResourceNotFoundException' })),
      ),
      check('two', async () => [ok('one'), { ...problem('other', 'mend it'), what: 'second' }]),
    );
    expect(found.map(({ what, status, found }) => [what, status, found])).toEqual([
      ['slow', 'ok', 'at last'],
      ['throws', 'problem', 'throws: broken'],
      ['denied', 'warning', 'could not be looked at: needs a:B, c:D'],
      ['after', 'skipped', 'not looked at'],
      ['gone', 'problem', 'it is not there'],
      ['two', 'ok', 'one'],
      ['second', 'problem', 'other'],
    ]);
  });

  it('waits for none longer than its time', async () => {
    const [late, next] = await told(
      check('hangs', () => new Promise(() => {}), { limitMillis: 20 }),
      check('next', async () => ok('fine')),
    );
    expect([late?.status, late?.found, next?.status]).toEqual([
      'problem',
      'no answer within 0.02 s',
      'ok',
    ]);
  });

  it('runs alone what measures time', async () => {
    let running = 0;
    const quiet = async () => {
      running += 1;
      await new Promise((resolve) => setImmediate(resolve));
      const alone = running === 1;
      running -= 1;
      return alone ? ok('alone') : problem('not alone');
    };
    const found = await told(
      check('a', quiet),
      check('b', quiet),
      check('m', quiet, { alone: true }),
      check('c', quiet),
      check('d', quiet),
    );
    expect(found.find(({ what }) => what === 'm')?.found).toBe('alone');
  });
});

it('shows nobody an account, a session, a secret or the value of a query', () => {
  const redactor = new Redactor();
  redactor.add('Wf5cThxbm1c');
  const text =
    'User: arn:aws:sts::123456789012:assumed-role/Ops/alice@example.com at https://sqs.us-east-1.amazonaws.com/123456789012/queue of 210987654321: ' +
    'https://x.example/p?k=Zz81&u1=<u1> Wf5cThxbm1c Bearer abcdefgh12345678 \u001b[31m';
  const { found } = masked(problem(text), redactor, '210987654321');
  expect(found).toBe(
    'User: arn:aws:sts::********9012:assumed-role/Ops/*** at https://sqs.us-east-1.amazonaws.com/********9012/queue of ********4321: ' +
      'https://x.example/p?k=***&u1=<u1> *** Bearer ***  [31m',
  );
});

describe('judges', () => {
  const probe = (millis: number, status: number | undefined = 200) => ({
    status,
    millis,
    ...(status === undefined ? { error: 'ENOTFOUND' } : {}),
  });

  it('the endpoint', () => {
    expect(judgeProbes([probe(90), probe(80), probe(700)], 400, false)).toMatchObject({
      status: 'ok',
      found: expect.stringContaining('median 90 ms, longest 700 ms'),
    });
    expect(judgeProbes([probe(500), probe(600)], 400, false)).toMatchObject({
      status: 'warning',
      mend: expect.stringContaining('near the stack'),
    });
    expect(judgeProbes([probe(90), probe(80, 500)], 400, false)).toMatchObject({
      status: 'problem',
      mend: expect.stringContaining('integration'),
    });
    expect(judgeProbes([{ millis: 5, error: 'ENOTFOUND' }], 400, false)).toMatchObject({
      status: 'problem',
      found: '1 of 1 GETs were not acknowledged (ENOTFOUND)',
    });
    expect(judgeProbes([probe(80, 403)], 400, true).status).toBe('warning');
    expect(judgeProbes([probe(80, 403)], 400, false).status).toBe('problem');
  });

  it('alarms', () => {
    const alarm = (
      AlarmName: string,
      StateValue: 'OK' | 'ALARM' | 'INSUFFICIENT_DATA',
      AlarmActions = ['arn'],
    ) => ({
      AlarmName,
      StateValue,
      ActionsEnabled: true,
      AlarmActions,
    });
    expect(judgeAlarms([alarm('a', 'OK')], 1)).toEqual({
      status: 'ok',
      found: '1 of 1 are well',
      mend: undefined,
    });
    expect(judgeAlarms([alarm('a', 'OK'), alarm('b', 'ALARM')], 2)).toMatchObject({
      status: 'problem',
      found: 'in alarm: b',
    });
    expect(judgeAlarms([alarm('a', 'INSUFFICIENT_DATA'), alarm('b', 'OK')], 3)).toMatchObject({
      status: 'warning',
      found: '1 of 3 are well; without data yet: a; 1 are not there',
    });
    expect(judgeAlarms([alarm('a', 'OK', [])], 1)).toMatchObject({
      status: 'warning',
      mend: expect.stringContaining('SNS'),
    });
  });

  it('when the schedules last did their work', () => {
    const record = newRecord('1');
    expect(judgeWatch({ ...record, activeAt: ago(6) }, NOW, PUBLISHER)).toEqual({
      status: 'ok',
      found: 'the postback was seen switched on 6 minutes ago',
    });
    expect(judgeWatch({ ...record, activeAt: ago(180) }, NOW, PUBLISHER).status).toBe('problem');
    expect(judgeWatch({ ...record, activeAt: ago(6), failures: 2 }, NOW, PUBLISHER)).toMatchObject({
      status: 'warning',
      found: 'the last 2 looks failed',
    });
    const spell = { finding: 'taken-over', from: ago(9), noticedAt: ago(5) } as const;
    expect(judgeWatch({ ...record, spell }, NOW, PUBLISHER)).toMatchObject({
      status: 'problem',
      found: expect.stringContaining("somebody else's URL"),
    });
    expect(judgeWatch(undefined, NOW, PUBLISHER).status).toBe('warning');
    expect(judgeReconciliation(NOW - 3_600_000, NOW, PUBLISHER)).toEqual({
      status: 'ok',
      found: 'succeeded 1 hour ago',
    });
    expect(judgeReconciliation(NOW - 5 * 3_600_000, NOW, PUBLISHER).status).toBe('problem');
    expect(judgeReconciliation(undefined, NOW, PUBLISHER).status).toBe('warning');
  });

  it('when they have nothing to do', () => {
    const longAgo = { ...newRecord('1'), activeAt: ago(180) };
    const isOff = publisherWith({ [P.enabled]: 'false' });
    expect(judgeWatch(longAgo, NOW, isOff)).toEqual({
      status: 'ok',
      found: 'the postback is to be off, as the stack says',
    });
    expect(judgeWatch({ ...longAgo, failures: 2 }, NOW, isOff).status).toBe('warning');
    const byHand = { ...PUBLISHER, properties: undefined };
    expect(judgeWatch(longAgo, NOW, byHand).status).toBe('skipped');
    expect(judgeReconciliation(NOW - 5 * 3_600_000, NOW, byHand).status).toBe('skipped');
    const fields = ALL_FIELDS.filter(({ name }) => name !== 'is_event');
    const subset = { ...PUBLISHER, accepted: [{ secretSha256: '', fieldListId: '', fields }] };
    expect(judgeReconciliation(NOW - 5 * 3_600_000, NOW, subset)).toEqual({
      status: 'warning',
      found: expect.stringContaining('does not ask for is_event'),
      mend: 'leave PostbackFields.exactly() out, or name these fields in it',
    });
  });

  it('the event source mapping and the rules', () => {
    expect(judgeMapping({ State: 'Enabled', ScalingConfig: { MaximumConcurrency: 10 } })).toEqual({
      status: 'ok',
      found: 'reads the queue, up to 10 at once',
    });
    expect(judgeMapping({ State: 'Disabled', UUID: 'u' }).mend).toBe(
      'aws lambda update-event-source-mapping --uuid u --enabled',
    );
    expect(
      judgeMapping({ State: 'Enabled', LastProcessingResult: 'PROBLEM: Function call failed' })
        .status,
    ).toBe('problem');
    expect(judgeMapping({ State: 'Updating' }).status).toBe('warning');
    expect(judgeRules([]).status).toBe('problem');
    expect(
      judgeRules([{ State: 'ENABLED', ScheduleExpression: 'rate(1 hour)' }, { State: 'ENABLED' }]),
    ).toEqual({
      status: 'ok',
      found: 'on: rate(1 hour)',
    });
  });

  it('the indexes', () => {
    const indexes = (createTableInput('T').GlobalSecondaryIndexes ?? []).map((index) => ({
      ...index,
      IndexStatus: 'ACTIVE' as const,
    }));
    expect(judgeIndexes({ GlobalSecondaryIndexes: indexes }).status).toBe('ok');
    expect(judgeIndexes({ GlobalSecondaryIndexes: indexes.slice(1) })).toMatchObject({
      status: 'problem',
      found: expect.stringMatching(/^by-\w+ is missing/),
    });
    const change = (name: string, change: object) => ({
      GlobalSecondaryIndexes: indexes.map((index) =>
        index.IndexName === name ? { ...index, ...change } : index,
      ),
    });
    expect(
      judgeIndexes(change('by-order', { KeySchema: [{ AttributeName: 'else', KeyType: 'HASH' }] })),
    ).toMatchObject({
      status: 'problem',
      found: expect.stringContaining('by-order has the key else instead of order_id and line_id'),
    });
    const projecting = (Projection: object) => judgeIndexes(change('by-day', { Projection }));
    expect(projecting({ ProjectionType: 'ALL' }).status).toBe('ok');
    const more = [...INDEX_KEYS['by-day'].projected, 'query'];
    expect(projecting({ ProjectionType: 'INCLUDE', NonKeyAttributes: more }).status).toBe('ok');
    expect(
      projecting({
        ProjectionType: 'INCLUDE',
        NonKeyAttributes: more.filter((name) => name !== 'verified_at'),
      }),
    ).toEqual({
      status: 'problem',
      found: expect.stringContaining('by-day does not project verified_at'),
      mend: 'delete the index if it exists, and create it as docs/rows.md describes it',
    });
    expect(projecting({ ProjectionType: 'KEYS_ONLY' }).found).toContain(
      'by-day does not project advertiser_id, ',
    );
    expect(judgeIndexes(change('by-day', { Backfilling: true })).status).toBe('warning');
  });

  it('the results of reconciliations', () => {
    expect(judgeResults({ braked: 0, unreadable: 0, reused: 0 })).toEqual({
      status: 'ok',
      found: 'nothing held back, every answer usable',
    });
    expect(judgeResults({ braked: 1, unreadable: 0, reused: 0 })).toEqual({
      status: 'problem',
      found: '1 run would have changed too many verified lines, and changed none',
      mend: expect.stringContaining('--accept-changes'),
    });
    expect(judgeResults({ braked: 0, unreadable: 3, reused: 1 })).toMatchObject({
      status: 'problem',
      found:
        '3 answers of the Events API with a field that cannot be read; 1 answer with another advertiser, order or SKU than the line had',
    });
  });

  it('the members', () => {
    const most = { answered: 40, unverified: 38, sampled: 20, fromPostback: 20 };
    expect(judgeMembers(most)).toMatchObject({
      status: 'warning',
      mend: expect.stringContaining('memberFromPostback: true'),
    });
    expect(judgeMembers({ ...most, unverified: 2, sampled: 2, fromPostback: 2 })).toEqual({
      status: 'ok',
      found: 'the Events API returns them: 38 of 40 lines are verified',
    });
    expect(judgeMembers({ ...most, fromPostback: 1 }).status).toBe('ok');
    expect(judgeMembers({ ...most, answered: 4, unverified: 4 }).status).toBe('ok');
  });

  it('a slot that somebody else has', () => {
    const slot = { host: 'tracker.example', fields: [], active: true };
    const status = {
      sid: '1',
      slot,
      owner: 'foreign',
      previous: undefined,
      enabled: true,
      selfTest: undefined,
    } as const;
    expect(
      judgeSlot({ ...status, drift: ['the slot holds a URL of somebody else'] }, true),
    ).toMatchObject({
      status: 'problem',
      mend: expect.stringContaining('--replace'),
    });
    expect(judgeSlot({ ...status, drift: [], enabled: false }, true).status).toBe('warning');
  });

  it('what a person has unregistered is no problem', async () => {
    const { properties: wanted = {}, ...byHand } = PUBLISHER;
    const examination = {
      publishers: async () => [{ ...byHand, wanted }],
    } as unknown as Examination;
    expect(await urlSecret.run(examination)).toMatchObject([{ status: 'skipped' }]);
    const status = {
      sid: '1',
      slot: undefined,
      owner: 'empty',
      previous: undefined,
      enabled: true,
      selfTest: undefined,
    } as const;
    expect(
      judgeSlot({ ...status, drift: ['the slot is empty', 'it was unregistered by hand'] }, false),
    ).toEqual({
      status: 'warning',
      found: 'the slot is empty; it was unregistered by hand',
      mend: 'cdk-rakuten-postback register, when lines are wanted again',
    });
  });
});

describe('the members in a table', () => {
  const PUBLISHERS = ['3900112', '3900113'];
  let server: Awaited<ReturnType<typeof startDynamoDb>>;
  let client: ReturnType<typeof dynamoDbClient>;
  beforeAll(async () => {
    server = await startDynamoDb();
    client = dynamoDbClient(server.endpoint);
  });
  afterAll(async () => {
    client.destroy();
    await server.close();
  });

  /** Lines of 10 days ago that a postback delivered and the Events API returned an hour later. */
  async function seed(
    sid: string,
    tableName: string,
    lines: number,
    more: { answer?: LineFields; dayShards?: number },
  ): Promise<void> {
    for (let i = 0; i < lines; i += 1) {
      const fields = {
        sid,
        is_event: 'N',
        etransaction_id: `F${i}`,
        u1: `m${i}`,
        process_date: '2026-03-18T10:00:00Z',
      };
      await put(client, tableName, fields, { verifiedAt: '2026-03-18T11:00:00.000Z', ...more });
    }
  }

  async function check(tableName: string, dayShards: number): Promise<unknown> {
    const examination = {
      now: () => NOW,
      publishers: async () => PUBLISHERS.map((sid) => ({ ...PUBLISHER, sid })),
      dynamodb: async () => client,
      installation: async () => ({ resources: { tableName, dayShards: String(dayShards) } }),
      context: { options: {} },
    } as unknown as Examination;
    return member.run(examination);
  }

  it.each([1, 3])(
    'are recommended to come from postbacks where the Events API returns none, with %i shards',
    async (dayShards) => {
      const tableName = `Members${dayShards}`;
      await createTable(client, tableName);
      await seed('3900112', tableName, 7, { answer: { u1: undefined }, dayShards });
      await seed('3900113', tableName, 6, { dayShards });
      expect(await check(tableName, dayShards)).toEqual([
        {
          status: 'warning',
          what: 'Members (u1) of 3900112',
          found:
            'the Events API returned 7 lines of the last 14 days, but no u1 for most of them, so 7 are not verified',
          mend: expect.stringContaining('memberFromPostback'),
        },
        {
          status: 'ok',
          what: 'Members (u1) of 3900113',
          found: 'the Events API returns them: 6 of 6 lines are verified',
        },
      ]);
    },
  );
});

it('wraps between words and keeps commands whole', () => {
  const words = 'see why with aws-lambda-update-event-source-mapping-which-is-long and more';
  expect(wrapped(words, 24)).toEqual([
    'see why with',
    'aws-lambda-update-event-source-mapping-which-is-long',
    'and more',
  ]);
  expect([
    spanText(14 * 86_400_000),
    spanText(86_400_000),
    spanText(90 * 60_000),
    spanText(2000 * 1000),
    spanText(0),
  ]).toEqual(['14 days', '1 day', '90 minutes', '33 minutes', '0 seconds']);
});
