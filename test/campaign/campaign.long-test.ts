import { stripVTControlCharacters } from 'node:util';
import { type AttributeValue, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { ATTRIBUTES } from '../../core/names';
import { playCampaign } from '../../tools/simulation/campaign';
import { startDynalite } from '../../tools/simulation/dynalite';
import { type DynamoDbServer, MemoryDynamoDb } from '../../tools/simulation/memory-dynamodb';
import { runCampaigns } from '../../tools/simulation/run';
import { TABLES } from '../../tools/simulation/settings';
import { SHORT } from '../../tools/simulation/size';

jest.setTimeout(120_000);

const HOUR = 3_600_000;

/** The output and the exit code of a run. */
async function played(seed: number, size = SHORT, server?: DynamoDbServer): Promise<{ code: number; text: string }> {
  const lines: string[] = [];
  const options = { ...size, seed, runs: 1, isDynalite: false, showTimeline: true };
  const code = await runCampaigns(options, { print: (line) => lines.push(line), server });
  return { code, text: stripVTControlCharacters(lines.join('\n')) };
}

/** The tables in memory, without the rows of some lines: their writes succeed and are lost. */
class ForgetfulDynamoDb extends MemoryDynamoDb {
  public override async execute(command: unknown): Promise<unknown> {
    const { TableName, Item } = command instanceof PutItemCommand ? command.input : {};
    if (TableName === TABLES.transactions && Item?.line_id?.S?.endsWith('7')) return {};
    return super.execute(command);
  }
}

describe('a short campaign', () => {
  it.each([20260301, 104])('with seed %d ends with the table that Rakuten has', async (seed) => {
    const { code, text } = await played(seed);
    expect(text).toContain(`✓ Seed ${seed}: nothing lost, nothing twice, nothing forged.`);
    expect(text).not.toContain('✗');
    expect(code).toBe(0);
    // Not because nothing happened.
    expect(text).toMatch(/lost lines +[1-9]\d* \(\d+\.\d %\) that no push brought; back after/);
    expect(text).toMatch(/postback off +[1-9]\d* times, /);
    expect(text).toMatch(/rejected: \d+ rejected of [1-9]\d*,/);
    expect(text).toMatch(/[1-9]\d* GETs of an attacker/);
    expect(text).toMatch(/[1-9]\d* braked/);
    for (const trouble of [
      'endpoint unreachable',
      'slot taken over by a tracker',
      'Events API failing',
      'secret rotated',
      'fields changed',
    ]) {
      expect(text).toMatch(new RegExp(`\\d\\d:\\d\\d {2}${trouble}`));
    }
  });

  it('that loses lines names them, exits with 1, and prints how to play it again', async () => {
    const { code, text } = await played(3, { days: 1, lines: 300 }, new ForgetfulDynamoDb());
    expect(code).toBe(1);
    expect(text).toMatch(/✗ the table equals Rakuten’s ledger: \d+ \(3900112#[0-9A-F]{31}7 [NY]: no row; /);
    expect(text).toContain('✗ Seed 3: a promise is broken. Play it again: npm run campaign -- --seed 3 --days 1 --lines 300');
  });
});

describe('DynamoDB in memory', () => {
  const small = { seed: 11, days: 1, lines: 250, settlingMillis: 2 * HOUR };

  it('ends a campaign with the same rows as an embedded server, after the same calls', async () => {
    const dynalite = await startDynalite();
    try {
      const [inMemory, embedded] = [await playCampaign(small), await playCampaign({ ...small, server: dynalite.server })];
      expect(inMemory.rows.length).toBeGreaterThan(small.lines * 0.8);
      const expected = new Set(comparable(inMemory.rows));
      expect(embedded.rows.length).toBe(inMemory.rows.length);
      expect(
        comparable(embedded.rows)
          .filter((row) => !expected.has(row))
          .slice(0, 2),
      ).toEqual([]);
      expect(embedded.calls).toEqual(inMemory.calls);
      expect(embedded.offTimes).toEqual(inMemory.offTimes);
    } finally {
      await dynalite.close();
    }
  });
});

/** Rows as texts. The ID of a reconciliation is random, and part of the revision. */
function comparable(rows: readonly Readonly<Record<string, AttributeValue>>[]): string[] {
  const text = (row: Readonly<Record<string, AttributeValue>>): string =>
    JSON.stringify(
      Object.entries(row)
        .filter(([name]) => name !== ATTRIBUTES.revision)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    ).replace(/-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '');
  return rows.map(text).sort();
}
