import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { ENVIRONMENT } from '../../../core/names';
import { createTableInput } from '../../../core/state/table';
import { DEFAULT_MODES } from '../../../fake-rakuten';
import { Random } from '../../../fake-rakuten/random';
import { SimulatedClock } from '../../../tools/simulation/clock';
import { Incidents } from '../../../tools/simulation/incidents';
import { MemoryDynamoDb } from '../../../tools/simulation/memory-dynamodb';
import { SimulatedQueue } from '../../../tools/simulation/queue';
import { span } from '../../../tools/simulation/report';
import { AS_DEPLOYED, RECONCILIATION, WATCH } from '../../../tools/simulation/settings';
import { type RakutenStep, traffic } from '../../../tools/simulation/traffic';
import { Resources, SID, withPostback } from '../../support/stacks';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const START = Date.UTC(2026, 2, 1);

describe('simulated time', () => {
  it('wakes sleepers in the order of time, without taking real time', async () => {
    const clock = new SimulatedClock(START, 1);
    const woken: string[] = [];
    for (const [name, millis] of Object.entries({
      late: DAY,
      early: 10,
      middle: HOUR,
      never: 3 * DAY,
    })) {
      clock.spawn(async () => {
        await clock.sleep(millis);
        woken.push(`${name} at ${clock.now() - START}`);
      });
    }
    const started = performance.now();
    await clock.run(START + 2 * DAY);
    expect(woken).toEqual(['early at 10', `middle at ${HOUR}`, `late at ${DAY}`]);
    expect(clock.now()).toBe(START + 2 * DAY);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it('stops during real work', async () => {
    const clock = new SimulatedClock(START, 1);
    let answeredAt = 0;
    clock.spawn(async () => {
      await clock.stopDuring(new Promise((resolve) => setTimeout(resolve, 30)));
      answeredAt = clock.now();
    });
    clock.spawn(() => clock.sleep(HOUR));
    await clock.run(START + DAY);
    expect(answeredAt).toBe(START);
  });

  it('ends with the error of spawned work', async () => {
    const clock = new SimulatedClock(START, 1);
    clock.spawn(async () => {
      await clock.sleep(5);
      throw new Error('broken');
    });
    await expect(clock.run(START + DAY)).rejects.toThrow('broken');
  });
});

describe('the queue', () => {
  const queueOf = (duplicates: number) => {
    const clock = new SimulatedClock(START, 1);
    const queue = new SimulatedQueue({
      clock,
      random: new Random(1),
      duplicates,
      visibilityTimeoutMillis: 3 * MINUTE,
      maxReceiveCount: 2,
    });
    return { clock, queue };
  };

  it('hides what it hands out, brings it again when it is not deleted, and puts it aside when that does not help', async () => {
    const { clock, queue } = queueOf(0);
    queue.send('good');
    queue.send('bad');
    const handOut = (): string[] => {
      const messages = queue.receive(10);
      queue.delete(messages.filter(({ body }) => body === 'good'));
      return messages.map(({ body, receiveCount }) => `${body} ${receiveCount}`).sort();
    };
    expect(handOut()).toEqual(['bad 1', 'good 1']);
    expect(handOut()).toEqual([]);
    await clock.run(START + 3 * MINUTE);
    expect(handOut()).toEqual(['bad 2']);
    await clock.run(START + 6 * MINUTE);
    expect(handOut()).toEqual([]);
    expect(queue.deadLetters.map(({ body }) => body)).toEqual(['bad']);
    expect(queue.depth).toBe(0);
    expect(queue.redrive()).toBe(1);
    expect(handOut()).toEqual(['bad 1']);
  });

  it('keeps no order, and may deliver again what was deleted', async () => {
    const { clock, queue } = queueOf(1);
    for (let i = 0; i < 20; i += 1) queue.send(String(i));
    const first = queue.receive(20);
    expect(first.map(({ body }) => body)).not.toEqual(first.map((_, i) => String(i)));
    queue.delete(first);
    await clock.run(START + 10 * MINUTE);
    expect(queue.receive(100)).toHaveLength(20);
  });
});

describe('DynamoDB in memory', () => {
  const table = async (): Promise<MemoryDynamoDb> => {
    const db = new MemoryDynamoDb();
    await db.execute(new CreateTableCommand(createTableInput('rows')));
    return db;
  };
  const key = (line: string) => ({ line_id: { S: `1#${line}` }, is_event: { S: 'N' } });

  it('refuses a write whose condition does not hold, with the item that is there', async () => {
    const db = await table();
    const put = new PutItemCommand({
      TableName: 'rows',
      Item: { ...key('a'), quantity: { N: '1.50' } },
      ConditionExpression: 'attribute_not_exists(line_id)',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    await db.execute(put);
    const refusal = await db.execute(put).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ConditionalCheckFailedException);
    expect((refusal as ConditionalCheckFailedException).Item).toEqual({
      ...key('a'),
      quantity: { N: '1.5' },
    });
  });

  it('gives an index only what it carries, in pages', async () => {
    const db = await table();
    for (const line of ['a', 'b', 'c']) {
      const item = {
        ...key(line),
        process_day: { S: '2026-03-01' },
        received_at: { S: line },
        query: { S: 'q' },
        currency: { S: 'USD' },
      };
      await db.execute(new PutItemCommand({ TableName: 'rows', Item: item }));
    }
    const ask = (more: object): Promise<unknown> =>
      db.execute(
        new QueryCommand({
          TableName: 'rows',
          IndexName: 'by-day',
          KeyConditionExpression: '#d = :d AND received_at < :r',
          ExpressionAttributeNames: { '#d': 'process_day' },
          ExpressionAttributeValues: { ':d': { S: '2026-03-01' }, ':r': { S: 'c' } },
          ...more,
        }),
      );
    const first = (await ask({ Limit: 1 })) as { LastEvaluatedKey: object };
    expect(first).toMatchObject({
      Items: [{ ...key('a'), currency: { S: 'USD' } }],
      LastEvaluatedKey: key('a'),
    });
    const second = (await ask({ ExclusiveStartKey: first.LastEvaluatedKey })) as {
      Items: object[];
    };
    expect(second).toMatchObject({ Items: [key('b')] });
    expect((second as { LastEvaluatedKey?: object }).LastEvaluatedKey).toBeUndefined();
    expect(second.Items[0]).not.toHaveProperty('query');
  });

  it('updates an item if its condition holds', async () => {
    const db = await table();
    const change = (UpdateExpression: string, values?: object): Promise<unknown> =>
      db.execute(
        new UpdateItemCommand({ TableName: 'rows', Key: key('a'), UpdateExpression, ...values }),
      );
    await change('SET u1 = :v, note = :v', { ExpressionAttributeValues: { ':v': { S: 'x' } } });
    await change('REMOVE note');
    expect(await db.execute(new GetItemCommand({ TableName: 'rows', Key: key('a') }))).toEqual({
      Item: { ...key('a'), u1: { S: 'x' } },
    });
    const conditional = new UpdateItemCommand({
      TableName: 'rows',
      Key: key('a'),
      UpdateExpression: 'SET #r = :new REMOVE u1',
      ConditionExpression: 'attribute_not_exists(#r)',
      ExpressionAttributeNames: { '#r': 'revision' },
      ExpressionAttributeValues: { ':new': { S: '1' } },
    });
    await db.execute(conditional);
    await expect(db.execute(conditional)).rejects.toBeInstanceOf(ConditionalCheckFailedException);
  });

  it('finds the lines of an order by the beginning of their sort key', async () => {
    const db = await table();
    for (const [line, order_id] of Object.entries({ a: 'o', b: 'o', c: 'p' }))
      await db.execute(
        new PutItemCommand({
          TableName: 'rows',
          Item: { ...key(line), order_id: { S: order_id }, u1: { S: 'm' } },
        }),
      );
    const ask = (prefix: string): Promise<unknown> =>
      db.execute(
        new QueryCommand({
          TableName: 'rows',
          IndexName: 'by-order',
          KeyConditionExpression: 'order_id = :o AND begins_with(line_id, :p)',
          ExpressionAttributeValues: { ':o': { S: 'o' }, ':p': { S: prefix } },
        }),
      );
    expect(await ask('1#')).toMatchObject({
      Items: ['a', 'b'].map((line) => ({ ...key(line), order_id: { S: 'o' } })),
    });
    expect(await ask('2#')).toMatchObject({ Items: [] });
  });

  it('rejects an empty key of an index, as AWS does', async () => {
    const db = await table();
    const put = new PutItemCommand({
      TableName: 'rows',
      Item: { ...key('a'), u1: { S: '' }, occurred_at: { S: '2026' } },
    });
    await expect(db.execute(put)).rejects.toMatchObject({
      name: 'ValidationException',
      message: 'u1 is empty, and a key',
    });
    await db.execute(new PutItemCommand({ TableName: 'rows', Item: key('a') }));
    const update = new UpdateItemCommand({
      TableName: 'rows',
      Key: key('a'),
      UpdateExpression: 'SET #0 = :0',
      ExpressionAttributeNames: { '#0': 'u1' },
      ExpressionAttributeValues: { ':0': { S: '' } },
    });
    await expect(db.execute(update)).rejects.toMatchObject({
      name: 'ValidationException',
      message: 'u1 is empty, and a key',
    });
  });
});

describe('what is played', () => {
  it('is as the construct sets it on AWS', () => {
    const resources = new Resources(withPostback().stack);
    const [source] = resources
      .of('AWS::Lambda::EventSourceMapping')
      .map(({ Properties }) => Properties);
    const environments = resources
      .of('AWS::Lambda::Function')
      .map(({ Properties }) => Properties.Environment?.Variables ?? {});
    const setting = (name: string) => environments.find((variables) => name in variables)[name];
    const queue = resources
      .of('AWS::SQS::Queue')
      .find(({ Properties }) => 'RedrivePolicy' in Properties)?.Properties;
    expect(AS_DEPLOYED).toEqual({
      batchSize: source.BatchSize,
      batchingWindowMillis: source.MaximumBatchingWindowInSeconds * 1000,
      maxConcurrency: source.ScalingConfig.MaximumConcurrency,
      timeoutMillis:
        resources
          .of('AWS::Lambda::Function')
          .find(({ Properties }) => Properties.Description?.includes('Writes'))?.Properties
          .Timeout * 1000,
      visibilityTimeoutMillis: queue.VisibilityTimeout * 1000,
      maxReceiveCount: queue.RedrivePolicy.maxReceiveCount,
      dayShards: Number(setting(ENVIRONMENT.dayShards)),
    });
    expect(RECONCILIATION).toEqual(JSON.parse(setting(ENVIRONMENT.reconciliation)));
    // The name of the function that is asked to reconcile is known when it is deployed.
    const watch = JSON.stringify(setting(ENVIRONMENT.statusWatch));
    for (const [name, value] of Object.entries(WATCH)) {
      if (name !== 'reconciliationFunction')
        expect(watch).toContain(`\\"${name}\\":${JSON.stringify(value).replaceAll('"', '\\"')}`);
    }
  });

  const options = { seed: 7, sid: SID, start: START, days: 14, lines: 4_000 };

  it('has the lines that were asked for, in bursts, with repetitions, corrections and a past', () => {
    const { steps, history, redeliveries, corrected } = traffic(options);
    expect(new Set(steps.map(({ does }) => does))).toEqual(new Set(['record', 'push']));
    const pushed = steps.filter(({ does }) => does === 'push');
    expect(new Set(pushed.map(({ line }) => `${line.etransaction_id} ${line.is_event}`)).size).toBe(
      options.lines,
    );
    expect(pushed).toHaveLength(options.lines + redeliveries + corrected.length);
    expect(redeliveries).toBeGreaterThan(20);
    expect(corrected.length).toBeGreaterThan(5);
    expect(history.length).toBeGreaterThan(100);
    expect(history.every(({ process_date = '' }) => Date.parse(process_date) < START)).toBe(true);

    const perMinute = new Map<number, number>();
    for (const { at } of pushed)
      perMinute.set(Math.floor(at / MINUTE), (perMinute.get(Math.floor(at / MINUTE)) ?? 0) + 1);
    const busiest = Math.max(...perMinute.values());
    expect(busiest).toBeGreaterThan((20 * pushed.length) / ((options.days * DAY) / MINUTE));
    expect(JSON.stringify(traffic(options).steps)).toBe(JSON.stringify(steps));
  });

  it('has reused IDs, eliminated lines and lines of another publisher where the modes say so', () => {
    const modes = { ...DEFAULT_MODES, reusedIds: 0.02, eliminated: 0.02, alsoReturns: ['111'] };
    const { steps } = traffic({ ...options, modes });
    const count = (what: RakutenStep['does']): number =>
      steps.filter(({ does }) => does === what).length;
    expect(count('reuse')).toBeGreaterThan(40);
    expect(count('eliminate')).toBeGreaterThan(40);
    expect(count('restore')).toBeGreaterThan(5);
    expect(count('restore')).toBeLessThan(count('eliminate') / 2);
    expect(steps.filter(({ line }) => line.sid === '111').length).toBeGreaterThan(100);
  });

  it('goes wrong in every way at least twice, the same for the same seed, and never after the end', () => {
    const end = START + 3 * DAY;
    const incidents = new Incidents(5, START, end);
    const kinds = new Map<string, number>();
    for (const { kind, from, to } of incidents.spells) {
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      expect(from).toBeGreaterThan(START);
      expect(to).toBeLessThanOrEqual(end);
      expect(incidents.severity(kind, (from + to) / 2)).toBeGreaterThan(0);
      expect(incidents.severity(kind, end)).toBe(0);
    }
    expect(kinds.size).toBe(14);
    expect(Math.min(...kinds.values())).toBeGreaterThanOrEqual(2);
    expect(new Set(incidents.happenings.map(({ kind }) => kind)).size).toBe(7);
    expect(new Incidents(5, START, end).spells).toEqual(incidents.spells);
    expect(new Incidents(6, START, end).spells).not.toEqual(incidents.spells);
  });

  it('is described in words', () => {
    expect([0, 340, 61_000, 2 * HOUR + 5 * MINUTE, 26 * HOUR, 1_500].map(span)).toEqual([
      '0 s',
      '340 ms',
      '1 min 1 s',
      '2 h 5 min',
      '1 d 2 h',
      '1 s',
    ]);
  });
});
