import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Difference } from '../../../cli/differences';
import type { LineRecord } from '../../../fake-rakuten';
import { untilEmpty } from '../../../local/drain';
import { writeEndpoints } from '../../../local/endpoints';
import { type LocalStack, startLocalStack } from '../../../local/stack';
import { compareRows, scanTable } from '../../../local/verify';
import { type Ran, runIn } from '../../support/terminal';

/** `reconcile` with the function itself, its unmodified bundle, and a fake Rakuten. */

const HOUR = 60 * 60 * 1000;
const now = Date.now();
const processed = new Date(now - HOUR).toISOString();

let stack: LocalStack;
let folder: string;

beforeAll(async () => {
  stack = await startLocalStack({
    autoDisableAfter: Number.POSITIVE_INFINITY,
    pushTimeoutMillis: 20_000,
  });
  folder = mkdtempSync(join(tmpdir(), 'rakuten-reconcile-'));
  await writeEndpoints(join(folder, '.local', 'endpoints.json'), stack);
});
afterAll(async () => {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  await stack?.close();
});

const line = (id: string, changes: LineRecord = {}): LineRecord => ({
  is_event: 'N',
  etransaction_id: id.padEnd(32, '0'),
  sid: stack.sid,
  advertiser_id: '39001',
  order_id: `ORDER-${id}`,
  process_date: processed,
  transaction_date: processed,
  currency: 'USD',
  sale_amount: '71.49',
  commissions: '3.57',
  u1: 'member-42',
  ...changes,
});

const reconcile = (...args: string[]): Promise<Ran> =>
  runIn(
    folder,
    ['reconcile', '--local', '--from', new Date(now - 3 * HOUR).toISOString(), ...args],
    { now: new Date() },
  );
async function differences(...args: string[]): Promise<(readonly [string, string, string])[]> {
  const found = JSON.parse((await reconcile('--json', ...args)).stdout) as Difference[];
  return found
    .map(
      ({ what, line_id, is_event }) =>
        [what, line_id.split('#')[1]?.replace(/0+$/, '') ?? '', is_event] as const,
    )
    .sort();
}
const unwritten = async (lines: readonly LineRecord[]) => {
  const { intact, missing, different } = compareRows(
    lines,
    await scanTable(stack.clients.dynamodb, stack.tableName),
  );
  return { intact, missing: missing.length, different: different.map(({ fields }) => fields) };
};

it('reports the differences, writes them when asked to, and finds none after that', async () => {
  const [lost, wrong, event] = [line('A1'), line('B2'), line('C3', { is_event: 'Y' })];
  for (const known of [lost, wrong, event]) stack.rakuten.record(known);
  await stack.rakuten.push({ ...wrong, sale_amount: '9999', u1: 'attacker' });
  await stack.rakuten.push(event);
  await stack.rakuten.push(line('F06'));
  await stack.rakuten.push(line('F06', { is_event: 'Y' }));
  await untilEmpty(stack.clients.sqs, stack.queueUrl, 60);

  const all = [
    ['missing', 'A1', 'N'],
    ['unverified', 'B2', 'N'],
  ];
  expect(await differences('--dry-run')).toEqual(all);
  expect(await unwritten([lost, wrong, event])).toEqual({
    intact: 1,
    missing: 1,
    different: [['sale_amount', 'u1']],
  });

  // The forged rows arrived just now, outside the window that the Events API covers.
  const { exitCode, stderr } = await reconcile();
  expect(exitCode).toBe(0);
  expect(stderr).toMatch(/ {2}0 same, 1 missing, 2 unverified, 0 different\n/);
  expect(stderr).toMatch(/\n3 rows were written\n$/);
  expect(await unwritten([lost, wrong, event])).toEqual({ intact: 3, missing: 0, different: [] });
  expect(await differences('--dry-run')).toEqual([]);
  expect((await reconcile('--dry-run')).exitCode).toBe(3);
});

it('holds many changes back until they are accepted', async () => {
  const lines = Array.from({ length: 8 }, (_, index) => line(`D${index + 1}`));
  for (const known of lines) stack.rakuten.record(known);
  expect((await reconcile()).exitCode).toBe(0);
  const changed = lines.map((known) => ({ ...known, sale_amount: '1' }));
  for (const known of changed) stack.rakuten.record(known);

  const braked = await reconcile();
  expect(braked.exitCode).toBe(1);
  expect(braked.stderr).toContain('warning: the brake held back 8 changes to verified lines');
  expect(await unwritten(lines)).toEqual({ intact: 8, missing: 0, different: [] });

  const accepted = await reconcile('--accept-changes');
  expect(accepted).toMatchObject({
    exitCode: 0,
    stderr: expect.stringContaining('8 rows were written'),
  });
  expect(await unwritten(changed)).toEqual({ intact: 8, missing: 0, different: [] });
});

it('explains an error of Rakuten', async () => {
  stack.rakuten.fault({
    operation: 'events',
    times: 2,
    status: 400,
    body: '{"message":"invalid process_date range"}',
  });
  const { exitCode, stderr } = await reconcile();
  stack.rakuten.clearFaults();
  expect(exitCode).toBe(1);
  expect(stderr).toContain('HTTP 400');
  expect(stderr).toContain('invalid process_date range');
});
