import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { consuming } from '../../scripts/faults/consumer';
import { type Baseline, disturbed, plansFor, undisturbed } from '../../scripts/faults/run';
import { type Services, startServices } from '../../scripts/faults/world';

let services: Services;
let baseline: Baseline;
beforeAll(async () => {
  services = await startServices();
  baseline = await undisturbed(services, consuming);
});
afterAll(() => services?.close());

it('docs/faults.md tells of every call that the consumer makes', () => {
  const document = readFileSync(join(__dirname, '../../docs/faults.md'), 'utf8');
  const section = document.split(`### consumer: ${consuming.title}`)[1]?.split('### ')[0] ?? '';
  const named = [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, call]) => call);
  expect(named.sort()).toEqual([...new Set(baseline.calls)].sort());
});

it('plans every fault at every call, and the part of a batch where there is one', () => {
  const plans = plansFor({ calls: ['dynamodb PutItem', 'dynamodb PutItem', 'sqs SendMessageBatch', 'rakuten POST /token'], outcome: '' });
  const of = (call: string) => plans.filter((plan) => plan.call === call).length;
  expect([of('dynamodb PutItem'), of('sqs SendMessageBatch'), of('rakuten POST /token')]).toEqual([16, 9, 5]);
});

it.each([
  ['a write whose answer is lost is not doubled', { call: 'dynamodb PutItem', nth: 0, kind: 'lost', lasts: false }, 'all done'],
  ['a change whose answer is lost is in the row once', { call: 'dynamodb UpdateItem', nth: 0, kind: 'lost', lasts: false }, 'all done'],
  ['what keeps failing comes again', { call: 'dynamodb UpdateItem', nth: 0, kind: 'error', lasts: true }, '1 of 4 messages come again'],
] as const)('%s', async (_, plan, outcome) => {
  expect(await disturbed(services, consuming, plan, baseline)).toMatchObject({ outcome, wrong: [] });
});
