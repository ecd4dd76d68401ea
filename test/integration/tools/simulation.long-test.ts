import { stripVTControlCharacters } from 'node:util';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { MemoryDynamoDb } from '../../../tools/simulation/memory-dynamodb';
import { runCampaigns } from '../../../tools/simulation/run';
import { SHORT, TABLES } from '../../../tools/simulation/settings';

/** The output and the exit code of a run. */
async function played(
  seed: number,
  size: { readonly days: number; readonly lines: number } = SHORT,
  server?: MemoryDynamoDb,
): Promise<{ code: number; text: string }> {
  const lines: string[] = [];
  const options = { ...size, seed, runs: 1, showTimeline: true };
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
    expect(text).toMatch(
      /✗ the table equals Rakuten’s ledger: \d+ \(3900112#[0-9A-F]{31}7 [NY]: no row; /,
    );
    expect(text).toContain(
      '✗ Seed 3: a promise is broken. Play it again: npm run campaign -- --seed 3 --days 1 --lines 300',
    );
  });
});
