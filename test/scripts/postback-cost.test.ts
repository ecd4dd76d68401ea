import { App, RemovalPolicy } from 'aws-cdk-lib';
import { Template as Synthesized } from 'aws-cdk-lib/assertions';
import { PostbackStack } from '../../bin/postback-stack';
import { PRICES } from '../../core/prices';
import { PostbackFields } from '../../lib';
import { type Cost, costsPerMillion, keepingAMillionRows, type Template } from '../../scripts/cost/count';
import { fixedCosts } from '../../scripts/cost/fixed';
import { itemBytes, valueBytes } from '../../scripts/cost/item-size';

const ALONE = { name: 'alone', messagesPerBatch: 1, millisPerBatch: 25 };
const BURST = { name: 'burst', messagesPerBatch: 50, millisPerBatch: 150 };
const sum = (costs: readonly Cost[]): number => costs.reduce((total, { dollars }) => total + dollars, 0);

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
  for (const { Type, Properties } of Object.values(copy.Resources)) if (Type === type) change(Properties);
  return copy;
}

it('counts each part of the way, and each index', async () => {
  const costs = await costsPerMillion(template, ALONE);
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
  expect(sum(costs)).toBeGreaterThan(6);
  expect(sum(costs)).toBeLessThan(12);
});

it('costs less in bursts, where messages share their requests and invocations', async () => {
  const [alone, burst] = await Promise.all([ALONE, BURST].map((traffic) => costsPerMillion(template, traffic)));
  expect(sum(burst as Cost[])).toBeLessThan(sum(alone as Cost[]));
});

it('follows the template', async () => {
  const before = await costsPerMillion(template, BURST);
  const withoutIndexes = await costsPerMillion(
    changed('AWS::DynamoDB::GlobalTable', (properties) => delete properties.GlobalSecondaryIndexes),
    BURST,
  );
  expect(sum(before) - sum(withoutIndexes)).toBeCloseTo(3 * PRICES.writeUnit.dollars);

  const withMemory = await costsPerMillion(
    changed('AWS::Lambda::Function', (properties) => {
      properties.MemorySize = 1024;
    }),
    BURST,
  );
  expect(sum(withMemory) - sum(before)).toBeCloseTo(1e6 * (0.15 / 50) * 0.5 * PRICES.functionSecond.dollars);

  const unrecoverable = changed('AWS::DynamoDB::GlobalTable', (properties) => delete properties.Replicas);
  expect(await keepingAMillionRows(unrecoverable)).toBeLessThan(await keepingAMillionRows(template));
});

it('refuses batches that the template does not make', async () => {
  await expect(costsPerMillion(template, { ...BURST, messagesPerBatch: 51 })).rejects.toThrow('a batch has at most 50 messages here');
  await expect(costsPerMillion({ Resources: {} }, ALONE)).rejects.toThrow('no endpoint or no consumer');
});

it('counts the bytes of an item as DynamoDB does', () => {
  expect(itemBytes({ key: { S: 'é' } })).toBe(3 + 2);
  expect(itemBytes({ l: { L: [{ S: 'ab' }] } })).toBe(1 + 3 + 1 + 2);
  expect(itemBytes({ m: { M: { a: { BOOL: true } } } })).toBe(1 + 3 + 1 + 1 + 1);
  expect(() => valueBytes({ SS: ['a'] })).toThrow('a kind of attribute that no row has: SS');
});

// What AWS was measured to count: digits before and behind the point are paired apart, zeros at the ends do not count.
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

it('counts the metrics that alarms look at, as one may look at several', () => {
  const alarms = fixedCosts(template).find(([what]) => /alarms/.test(what));
  expect(alarms?.[0]).toBe('21 alarms, which look at 22 metrics');
  expect(alarms?.[1]).toBeCloseTo(22 * PRICES.alarm.dollars);
});
