import { App, RemovalPolicy } from 'aws-cdk-lib';
import { Template as Synthesized } from 'aws-cdk-lib/assertions';
import { PostbackStack } from '../../../bin/postback-stack';
import { PostbackFields } from '../../../lib';
import { ATTACK_HEAD, attackCells, attackHours } from '../../../tools/cost/attack';
import { fixedCosts } from '../../../tools/cost/fixed';
import { itemBytes, valueBytes } from '../../../tools/cost/item-size';
import { sumOf } from '../../../tools/cost/lines';
import { PRICES } from '../../../tools/cost/prices';
import { pushCosts } from '../../../tools/cost/push';
import { lineReads, reconciliationCosts } from '../../../tools/cost/reconciliation';
import type { Template } from '../../../tools/cost/template';
import { keepingAMillionRows } from '../../../tools/cost/writes';
import { textOf } from '../../../tools/docs/pages';

const ALONE = { name: 'alone', messagesPerBatch: 1, millisPerBatch: 25 };
const BURST = { name: 'burst', messagesPerBatch: 50, millisPerBatch: 150 };

let template: Template;
beforeAll(() => {
  const stack = new PostbackStack(new App(), 'Stack', {
    sid: '3900112',
    credentialsSecretName: 'rakuten/api',
    stackName: 'Stack',
    fields: PostbackFields.all(),
    removalPolicy: RemovalPolicy.RETAIN,
  });
  template = Synthesized.fromStack(stack).toJSON() as Template;
});

/** The template with changed properties of its resources of a type. */
function changed(type: string, change: (properties: Record<string, unknown>) => void): Template {
  const copy = structuredClone(template);
  for (const { Type, Properties } of Object.values(copy.Resources))
    if (Type === type) change(Properties);
  return copy;
}

it('counts each part of the push path, and each index', () => {
  const costs = pushCosts(template, ALONE);
  expect(costs.map(({ part }) => part)).toEqual([
    'API Gateway',
    'SQS',
    'SQS',
    'Lambda',
    'Lambda',
    'DynamoDB',
    'DynamoDB',
    'DynamoDB',
    'DynamoDB',
    'CloudWatch Logs',
  ]);
  expect(costs[0]?.dollars).toBeCloseTo(3.5);
  expect(costs[1]?.dollars).toBeCloseTo(0.4);
  for (const { dollars } of costs) expect(dollars).toBeGreaterThan(0);
  expect(sumOf(costs)).toBeGreaterThan(6);
  expect(sumOf(costs)).toBeLessThan(12);
});

it('costs less in bursts, where messages share requests and invocations', () => {
  expect(sumOf(pushCosts(template, BURST))).toBeLessThan(sumOf(pushCosts(template, ALONE)));
});

it('counts the confirmation of a line, and the reads of reconciliation over its life', () => {
  const costs = reconciliationCosts(template);
  const dollarsOf = (pattern: RegExp): number =>
    sumOf(costs.filter(({ counted }) => pattern.test(counted)));
  expect(dollarsOf(/^confirmation/)).toBeCloseTo(3 * PRICES.writeUnit.dollars);
  expect(dollarsOf(/read by 15 hourly runs, 29.5 daily ones and 28 daily counts/)).toBeCloseTo(
    0.53,
    1,
  );
  expect(sumOf(costs)).toBeLessThan(3.5);
  expect(costs.every(({ dollars }) => dollars > 0)).toBe(true);
});

it('counts how often runs read a line', () => {
  const windows = {
    hourlyWindowSeconds: 3600,
    dailyWindowSeconds: 86_400,
    backfillSeconds: 0,
    unverifiedAfterSeconds: 14 * 86_400,
  };
  expect(lineReads(windows)).toEqual({ hourlyRuns: 13, dailyRuns: 1.5, counts: 15, returned: 2 });
});

it('has no costs of a reconciliation that is not deployed', () => {
  const without = changed('AWS::Lambda::Function', ({ Environment }) => {
    delete (Environment as { Variables: Record<string, unknown> }).Variables
      .RECONCILIATION_SETTINGS;
  });
  expect(reconciliationCosts(without)).toEqual([]);
  expect(fixedCosts(without).some(([what]) => /reconciliation/.test(what))).toBe(false);
});

it('follows the template', () => {
  const before = pushCosts(template, BURST);
  const withoutIndexes = pushCosts(
    changed('AWS::DynamoDB::GlobalTable', (properties) => delete properties.GlobalSecondaryIndexes),
    BURST,
  );
  expect(sumOf(before) - sumOf(withoutIndexes)).toBeCloseTo(3 * PRICES.writeUnit.dollars);

  const withMemory = pushCosts(
    changed('AWS::Lambda::Function', (properties) => {
      properties.MemorySize = 1024;
    }),
    BURST,
  );
  expect(sumOf(withMemory) - sumOf(before)).toBeCloseTo(
    1e6 * (0.15 / 50) * 0.5 * PRICES.functionSecond.dollars,
  );

  const unrecoverable = changed(
    'AWS::DynamoDB::GlobalTable',
    (properties) => delete properties.Replicas,
  );
  expect(keepingAMillionRows(unrecoverable)).toBeLessThan(keepingAMillionRows(template));
});

it('rejects batches that are larger than those of the template', () => {
  expect(() => pushCosts(template, { ...BURST, messagesPerBatch: 51 })).toThrow(
    'a batch has at most 50 messages here',
  );
  expect(() => pushCosts({ Resources: {} }, ALONE)).toThrow('no endpoint or no consumer');
});

it('counts the bytes of an item as DynamoDB does', () => {
  expect(itemBytes({ key: { S: 'é' } })).toBe(3 + 2);
  expect(itemBytes({ l: { L: [{ S: 'ab' }] } })).toBe(1 + 3 + 1 + 2);
  expect(itemBytes({ m: { M: { a: { BOOL: true } } } })).toBe(1 + 3 + 1 + 1 + 1);
  expect(() => valueBytes({ SS: ['a'] })).toThrow('a kind of attribute that no row has: SS');
});

// As measured on AWS: digits before and after the point are paired apart, outer zeros do not count.
it.each([
  ['0', 1],
  ['-0', 1],
  ['12', 2],
  ['123', 3],
  ['0042', 2],
  ['1000', 2],
  ['1010', 3],
  ['100.5', 4],
  ['129.90', 4],
  ['1.005', 4],
  ['0.15', 2],
  ['-42', 3],
  ['-123.45', 5],
  ['1E125', 2],
  ['1E-100', 2],
  ['12345678901234567890123456789012345678', 20],
])('counts the number %s as %d bytes', (N, bytes) => {
  expect(valueBytes({ N })).toBe(bytes);
});

it('counts the metrics of alarms, as one alarm may have several', () => {
  const alarms = fixedCosts(template).find(([what]) => /alarms/.test(what));
  const [, count, metrics] = /^(\d+) alarms on (\d+) metrics$/.exec(alarms?.[0] ?? '') ?? [];
  expect(Number(metrics)).toBeGreaterThan(Number(count));
  expect(alarms?.[1]).toBeCloseTo(Number(metrics) * PRICES.alarm.dollars);
});

it('counts the checks of the status watch by the rate of its schedule', () => {
  const watchIn = (from: Template) =>
    fixedCosts(from).find(([what]) => what.startsWith('status watch'));
  expect(watchIn(template)?.[0]).toBe('status watch: a check and a probe every 5 minutes');
  const hourly = changed('AWS::Events::Rule', (properties) => {
    properties.ScheduleExpression = 'rate(1 hour)';
  });
  expect(watchIn(hourly)?.[1]).toBeCloseTo((watchIn(template)?.[1] ?? Number.NaN) / 12);
});

describe('an hour of an attacker', () => {
  const [ADDRESS, NEW_LINES, LONG_LINES] = [0, 1, 2];
  const hour = (attack: number, from: Template = template, rate?: number) =>
    attackHours(from, rate)[attack] as ReturnType<typeof attackHours>[0];

  it('writes nothing with the address alone, four units for a new line, and more for long ones', () => {
    const units = (attack: number): number => hour(attack).writeUnits / hour(attack).processed;
    expect(units(ADDRESS)).toBe(0);
    expect(units(NEW_LINES)).toBe(4);
    expect(units(LONG_LINES)).toBeGreaterThan(8);
  });

  it('has the throttling of the stage as its limit, and the quota of the account without one', () => {
    expect(hour(ADDRESS).requests).toBe(10_000 * 3600);
    const throttled = changed('AWS::ApiGateway::Stage', (properties) => {
      properties.MethodSettings = [
        { HttpMethod: '*', ResourcePath: '/*', ThrottlingRateLimit: 20 },
      ];
    });
    expect(hour(ADDRESS, throttled)).toMatchObject({ requests: 72_000, processed: 72_000 });
    expect(hour(ADDRESS, throttled).dollars).toBeLessThan(hour(ADDRESS).dollars / 100);
  });

  it('never has more of the consumer than maxConcurrency, nor more new lines than dayShards', () => {
    expect(hour(NEW_LINES)).toMatchObject({ seconds: 10 * 3600, processed: 1000 * 3600 });
    const sharded = changed('AWS::Lambda::Function', ({ Environment }) => {
      const { Variables } = Environment as { Variables: Record<string, unknown> };
      if (Variables.DAY_SHARDS !== undefined) Variables.DAY_SHARDS = '2';
    });
    expect(hour(NEW_LINES, sharded).processed).toBe(2000 * 3600);
    const slow = changed('AWS::Lambda::EventSourceMapping', (properties) => {
      properties.ScalingConfig = { MaximumConcurrency: 2 };
    });
    expect(hour(NEW_LINES, slow)).toMatchObject({ seconds: 2 * 3600 });
    expect(hour(NEW_LINES, slow).processed).toBeLessThan(hour(NEW_LINES).processed);
  });

  it('is on the page about security as it is counted', () => {
    const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
    const table = [
      row(ATTACK_HEAD),
      '|---|---:|---:|---:|---:|---:|---:|---:|',
      ...attackCells(template).map(row),
    ];
    expect(textOf('docs/security.md')).toContain(`\n${table.join('\n')}\n`);
  });
});
