import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { consuming } from '../../../tools/faults/consumer';
import { doHalf } from '../../../tools/faults/partial';
import { plansFor } from '../../../tools/faults/plans';
import { withTables } from '../../../tools/faults/report';
import { type Baseline, disturbed, type Trial, undisturbed } from '../../../tools/faults/run';
import { headingOf } from '../../../tools/faults/scenario';
import { SCENARIOS } from '../../../tools/faults/scenarios';
import { startWorld, type World } from '../../../tools/faults/world';

let world: World;
let baseline: Baseline;
beforeAll(async () => {
  world = await startWorld();
  baseline = await undisturbed(world, consuming);
});
afterAll(() => world?.close());

const document = readFileSync(join(__dirname, '../../../docs/faults.md'), 'utf8');

it('docs/faults.md has a table for every scenario and no cell with a violation', () => {
  expect([...document.matchAll(/^### (.*)$/gm)].map(([, heading]) => heading)).toEqual(
    SCENARIOS.map(headingOf),
  );
  const rows = document.split('<!-- trials -->')[1]?.match(/^\|.*$/gm) ?? [];
  expect(rows.length).toBeGreaterThan(70);
  for (const row of rows) expect(row).not.toContain('**');
});

it('docs/faults.md names every call that the consumer makes', () => {
  const section = document.split(`### ${headingOf(consuming)}`)[1]?.split('### ')[0] ?? '';
  const named = [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, call]) => call);
  expect(named.sort()).toEqual([...new Set(baseline.calls)].sort());
});

it('keeps the tables of scenarios that were not run', () => {
  const [first, second, third] = ['first', 'second', 'third'].map((title) => ({
    ...consuming,
    title,
  }));
  const trial = (changes: Partial<Trial> = {}) => ({
    scenario: second,
    plan: { call: 'sqs SendMessageBatch', nth: 0, kind: 'partial', reach: 'once' },
    outcome: '1 of 4 messages come again',
    wrong: [],
    ...changes,
  });
  const old =
    'before\n<!-- trials -->\n\n### consumer: third\n\nthe old one\n\n### consumer: fourth\n\ngone\n\n<!-- end of trials -->\nafter\n';
  const trials = [
    trial(),
    trial({ outcome: '3 of 4 messages come again' }),
    trial({ asUndisturbed: true }),
    trial({ wrong: ['a line has two rows'] }),
  ] as Trial[];
  const text = withTables(old, trials, [first, second, third] as typeof SCENARIOS);
  expect(text).toMatch(
    /^before\n<!-- trials -->\n\n### consumer: second\n[\s\S]*\n### consumer: third\n\nthe old one\n\n<!-- end of trials -->\nafter\n$/,
  );
  expect(text).toContain(
    '| `sqs SendMessageBatch` |  |  |  |  |  | **a line has two rows**; 1 to 3 of 4 messages come again; done |  |  |\n',
  );
});

const FAILED = { ErrorCode: 'InternalFailure', ErrorMessage: 'a fault on purpose' };
it.each([
  [
    'sqs SendMessageBatch',
    { Entries: [{ Id: 'a' }, { Id: 'b' }] },
    { Entries: [{ Id: 'a' }] },
    { Successful: [{ Id: 'a' }], Failed: [{ Id: 'b', Code: 'InternalError', SenderFault: false }] },
  ],
  [
    'events PutEvents',
    { Entries: [{ Detail: 'a' }, { Detail: 'b' }] },
    { Entries: [{ Detail: 'a' }] },
    { FailedEntryCount: 1, Entries: [{ EventId: '1' }, FAILED] },
  ],
  [
    'firehose PutRecordBatch',
    { Records: [{ Data: 'a' }] },
    undefined,
    { FailedPutCount: 1, RequestResponses: [FAILED] },
  ],
  [
    'dynamodb BatchGetItem (row)',
    { RequestItems: { t: { Keys: [1, 2, 3] } } },
    { RequestItems: { t: { Keys: [1] } } },
    { Responses: { t: [] }, UnprocessedKeys: { t: { Keys: [2, 3] } } },
  ],
])('does half of %s, and the answer names the rest', async (call, asked, first, answer) => {
  const forwarded: unknown[] = [];
  const answered = await doHalf(call, JSON.stringify(asked), async (body) => {
    forwarded.push(JSON.parse(body));
    return '{"Entries":[{"EventId":"1"}],"Successful":[{"Id":"a"}],"Responses":{"t":[]}}';
  });
  expect(forwarded).toEqual(first === undefined ? [] : [first]);
  expect(JSON.parse(answered)).toEqual(answer);
});

it('plans every fault at every call, and a partial result of each batch', () => {
  const plans = plansFor({
    calls: ['dynamodb PutItem', 'dynamodb PutItem', 'sqs SendMessageBatch', 'rakuten POST /token'],
  });
  const of = (call: string) => plans.filter((plan) => plan.call === call).length;
  expect([of('dynamodb PutItem'), of('sqs SendMessageBatch'), of('rakuten POST /token')]).toEqual([
    21, 13, 9,
  ]);
});

it.each([
  [
    'does not repeat a write whose answer is lost',
    { call: 'dynamodb PutItem (row)', nth: 0, kind: 'lost', reach: 'once' },
    'all done',
  ],
  [
    'keeps other content once if the answer to its write is lost',
    { call: 'dynamodb UpdateItem (row)', nth: 0, kind: 'lost', reach: 'once' },
    'all done',
  ],
  [
    'leaves a message that keeps failing in the queue',
    { call: 'dynamodb UpdateItem (row)', nth: 0, kind: 'error', reach: 'call' },
    '1 of 4 messages come again',
  ],
] as const)('%s', async (_, plan, outcome) => {
  expect(await disturbed(world, consuming, plan, baseline)).toMatchObject({ outcome, wrong: [] });
});
