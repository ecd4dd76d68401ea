import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { run } from '../../../cli/program';
import { POSTBACK_FIELDS } from '../../../core/rakuten/postback/fields';
import { untilEmpty } from '../../../local/drain';
import { writeEndpoints } from '../../../local/endpoints';
import { type LocalStack, startLocalStack } from '../../../local/stack';
import { rowLine } from '../../../local/summary';
import { scanTable } from '../../../local/verify';
import { messageBody } from '../../support/messages';
import { runIn, testTerminal } from '../../support/terminal';

/** ESC, OSC, C1, bidirectional override and NUL, and an attempt at a line of its own. */
const HOSTILE = 'x\u001b[2J\u001b]0;title\u0007\u009b31m\u202e\u0000\nforged line';
const NOW = new Date();
const DAY = NOW.toISOString().slice(0, 10);

let stack: LocalStack;
let folder: string;

beforeAll(async () => {
  stack = await startLocalStack({
    autoDisableAfter: Number.POSITIVE_INFINITY,
    pushTimeoutMillis: 20_000,
  });
  folder = mkdtempSync(join(tmpdir(), 'rakuten-hostile-'));
  await writeEndpoints(join(folder, '.local', 'endpoints.json'), stack);
  for (const [index, field] of Object.keys(POSTBACK_FIELDS).entries())
    await forge({ ...ordinary(index), [field]: HOSTILE });
  await forge({ ...ordinary(99), [HOSTILE]: HOSTILE, probe_like: HOSTILE });
  await untilEmpty(stack.clients.sqs, stack.queueUrl, 60);
  // What reaches the dead-letter queue has any content: a postback, one with a wrong secret, and no
  // message of the endpoint.
  const k = new URL(stack.registeredUrl).searchParams.get('k') ?? '';
  const hostile = {
    ...ordinary(100),
    order_id: HOSTILE,
    currency: HOSTILE,
    sale_amount: HOSTILE,
    [HOSTILE]: HOSTILE,
  };
  const arrival = {
    receivedAt: NOW.toISOString(),
    requestId: HOSTILE,
    sourceIp: encodeURIComponent(HOSTILE),
  };
  // SQS accepts no other control characters than tab and line breaks.
  const unreadable = 'x\u009b31m\u202e\nforged line';
  for (const body of [
    messageBody(query({ ...hostile, k }), arrival),
    messageBody(query({ ...hostile, k: 'wrong' }), arrival),
    unreadable,
  ]) {
    await stack.clients.sqs.send(
      new SendMessageCommand({ QueueUrl: stack.deadLetterQueueUrl, MessageBody: body }),
    );
  }
});
afterAll(async () => {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  await stack?.close();
});

const ordinary = (index: number): Record<string, string> => ({
  is_event: 'N',
  etransaction_id: `FORGED-${index}`,
  sid: stack.sid,
  advertiser_id: '39001',
  order_id: `ORDER-${index}`,
  process_date: `${DAY}T00:00:01.000+00:00`,
  transaction_date: `${DAY}T00:00:00.000+00:00`,
  currency: 'USD',
  sale_amount: '71.49',
  commissions: '3.57',
  u1: 'member-42',
});

const query = (values: Record<string, string>): string => new URLSearchParams(values).toString();

/** A GET with the URL's own secret and these values. */
async function forge(values: Record<string, string>): Promise<void> {
  const url = new URL(stack.registeredUrl);
  const k = url.searchParams.get('k') ?? '';
  await fetch(`${url.origin}${url.pathname}?${query({ ...values, k })}`);
}

/**
 * Runs a command on a terminal of 80 columns. Fails if a value acts on the terminal or begins a
 * line.
 */
async function expectHarmless(...args: readonly string[]): Promise<void> {
  const shown = await runIn(folder, [...args, '--local'], { now: NOW, columns: 80, env: {} });
  const text = shown.stdout + shown.stderr;
  expectOnlyOwnStyles(text);
  // A quoted value of a CSV file may have several lines.
  if (!args.includes('csv')) expect(text).not.toMatch(/^\s*forged line/m);
}

function expectOnlyOwnStyles(text: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the program's own styles, and its erased progress line.
  const rest = text.replace(/\u001b\[(1|2|7|22|27|31|32|33|35|39)m|\r\u001b\[K/g, '');
  expect(rest).not.toMatch(/[^\P{Cc}\n\t]|[\p{Cf}\u2028\u2029]/u);
}

async function jsonOf(...args: readonly string[]): Promise<string> {
  const { stdout } = await runIn(folder, [...args, '--json', '--local'], {
    now: NOW,
    columns: 80,
    env: {},
  });
  expect(stdout).not.toMatch(/[^\P{Cc}\n\t]|[\p{Cf}\u2028\u2029]/u);
  return JSON.stringify(JSON.parse(stdout));
}

describe('a forged value with control characters in each field and in a name', () => {
  it('is in the table', async () => {
    const rows = await scanTable(stack.clients.dynamodb, stack.tableName);
    expect(rows.length).toBeGreaterThan(10);
    expect(JSON.stringify(rows)).toContain(JSON.stringify(HOSTILE).slice(1, -1));
  });

  it.each([
    ['query', '--day', DAY],
    ['query', '--member', HOSTILE],
    ['query', '--order', HOSTILE, '--advertiser', '39001'],
    ['query', '--transaction', 'FORGED-99'],
    ['orders', '--day', DAY],
    ['orders', '--member', 'member-42'],
    ['balances'],
    ['totals', '--from', DAY],
    ['confirmed', '--since', DAY],
    ['reversed', '--since', DAY],
    ['review'],
    ['recovered', '--from', DAY],
    ['dlq', 'list'],
    ['status'],
  ])('does nothing to the terminal in: %s %s', async (...args) => {
    await expectHarmless(...args);
    await jsonOf(...args);
  });

  it('is the same value in JSON', async () => {
    expect(await jsonOf('query', '--member', HOSTILE)).toContain(JSON.stringify(HOSTILE));
  });

  it('does nothing to the terminal in an export, and a file keeps it', async () => {
    for (const format of ['csv', 'jsonl'])
      await expectHarmless('export', '--all', '--format', format);
    const { stdout } = await runIn(folder, ['export', '--all', '--format', 'jsonl', '--local'], {
      now: NOW,
    });
    expect(stdout).toContain(JSON.stringify(HOSTILE).slice(1, -1));
  });

  it('does nothing to the terminal in tail', async () => {
    const stop = new AbortController();
    const { terminal, stdout } = testTerminal(folder, {
      now: NOW,
      columns: 80,
      env: {},
      signal: stop.signal,
    });
    const ended = run(['tail', '--since', '1d', '--local'], terminal);
    await stdout.until(/ORDER-9/);
    stop.abort();
    await ended;
    expectOnlyOwnStyles(stdout.text);
  });

  it('does nothing to the terminal in messages of the dead-letter queue', async () => {
    const letters = JSON.parse(await jsonOf('dlq', 'list')) as {
      id: string;
      contents: { kind: string; fields: object; extra: object };
    }[];
    expect(letters.map(({ contents }) => contents.kind).sort()).toEqual([
      'postback',
      'unreadable',
      'unrecognised',
    ]);
    const postback = letters.find(({ contents }) => contents.kind === 'postback');
    expect(postback?.contents).toMatchObject({
      fields: { order_id: HOSTILE },
      extra: { [HOSTILE]: HOSTILE },
    });
    for (const { id } of letters) await expectHarmless('dlq', 'show', id);
    await expectHarmless('dlq', 'drop', '--all', '--dry-run');
    await expectHarmless('dlq', 'redrive', '--all', '--dry-run');
  });

  it.each([
    ['forget', '--member', HOSTILE, '--dry-run'],
    ['reconcile', '--dry-run'],
    ['test', '--no-queue'],
    ['doctor'],
  ])('does nothing to the terminal in: %s', async (...args) => {
    await expectHarmless(...args);
  });

  it('does nothing to the terminal in an error about an argument', async () => {
    const argument = HOSTILE.replace('\n', ' ');
    for (const args of [
      ['query', '--day', argument],
      ['dlq', 'show', argument],
      [argument],
      ['status', '--sid', argument],
    ])
      await expectHarmless(...args);
  });

  it('does nothing to the terminal in clicks without a transaction', async () => {
    writeFileSync(join(folder, 'clicks.txt'), `${HOSTILE}\n`);
    await expectHarmless('clicks', join(folder, 'clicks.txt'), '--from', DAY);
  });

  it('does nothing to the terminal in the live view of the local run', async () => {
    for (const row of await scanTable(stack.clients.dynamodb, stack.tableName))
      expect(rowLine(row)).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});

it('a URL with control characters in the slot does nothing to the terminal', async () => {
  const before = stack.rakuten.slot(stack.sid);
  stack.rakuten.setSlot(stack.sid, {
    url: `https://tracker.example/${HOSTILE}?${HOSTILE}=1`,
    active: true,
  });
  try {
    await expectHarmless('status');
    await expectHarmless('status', '--reveal');
    await expectHarmless('register');
    await expectHarmless('watch');
    await expectHarmless('doctor');
  } finally {
    if (before !== undefined) stack.rakuten.setSlot(stack.sid, before);
  }
});
