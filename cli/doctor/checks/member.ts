import { BatchGetItemCommand, type DynamoDBClient, paginateQuery } from '@aws-sdk/client-dynamodb';
import { ATTRIBUTES as A, INDEXES } from '../../../core/names';
import type { Item } from '../../../core/transactions/attributes';
import { processDayKeys } from '../../../core/transactions/keys';
import type { Examination } from '../examination';
import { type Check, type Finding, ok, warning } from '../finding';

const DAY_MILLIS = 24 * 60 * 60_000;
/** Rakuten may match a member hours later: yesterday's lines prove nothing yet. */
const FIRST_DAY_AGO = 2;
const DAYS = 14;
/** Enough for a share, and cheap. */
const MAX_LINES = 100;
const MAX_ITEMS_READ = 2000;
const MIN_LINES = 5;
const SAMPLE = 20;

/** Whether the Events API returns members (`u1`), or only the postbacks have them. */
export const member: Check = {
  area: 'Tables',
  name: 'Members (u1)',
  permissions: [
    'dynamodb:Query on the index by-day',
    'dynamodb:BatchGetItem on the transaction table',
  ],
  run: async (examination) => {
    const publishers = await examination.publishers();
    const several = publishers.length > 1;
    return Promise.all(
      publishers.map(async ({ sid }) => ({
        ...judgeMembers(await memberStatistics(examination, sid)),
        what: several ? `Members (u1) of ${sid}` : undefined,
      })),
    );
  },
};

export interface MemberStatistics {
  /** Confirmed lines with a `u1` that the Events API has returned. */
  readonly answered: number;
  /** Those of them that are not verified. */
  readonly unverified: number;
  /**
   * Rows that were read of the unverified ones, and those among them whose `u1` only a postback
   * had.
   */
  readonly sampled: number;
  readonly fromPostback: number;
}

export function judgeMembers({
  answered,
  unverified,
  sampled,
  fromPostback,
}: MemberStatistics): Finding {
  if (answered < MIN_LINES)
    return ok(`too few lines with a member to judge: ${answered} in ${DAYS} days`);
  if (unverified * 2 <= answered || fromPostback * 2 <= sampled) {
    return ok(
      `the Events API returns them: ${answered - unverified} of ${answered} lines are verified`,
    );
  }
  return warning(
    `the Events API returned ${answered} lines of the last ${DAYS} days, but no u1 for most of them, so ${unverified} are not verified`,
    'if it stays so for this account, set reconciliation: { memberFromPostback: true }, which accepts the u1 of the first postback',
  );
}

async function memberStatistics(examination: Examination, sid: string): Promise<MemberStatistics> {
  const client = await examination.dynamodb();
  const { tableName = '', dayShards } = (await examination.installation()).resources;
  const shards = examination.context.options.dayShards ?? Number(dayShards ?? 1);
  const lines = await answeredLines({
    client,
    tableName,
    days: dayKeys(examination.now(), shards),
    sid,
  });
  const unverified = lines.filter((line) => line[A.verifiedAt] === undefined);
  const rows = await readRows(client, tableName, unverified.slice(0, SAMPLE));
  return {
    answered: lines.length,
    unverified: unverified.length,
    sampled: rows.length,
    fromPostback: rows.filter((row) => row[A.u1FromPostback]?.BOOL === true).length,
  };
}

/** Newest first. */
function dayKeys(now: number, shards: number): string[] {
  return Array.from({ length: DAYS }, (_, i) =>
    new Date(now - (FIRST_DAY_AGO + i) * DAY_MILLIS).toISOString().slice(0, 10),
  ).flatMap((day) => processDayKeys(day, shards));
}

interface Lookup {
  readonly client: DynamoDBClient;
  readonly tableName: string;
  readonly days: readonly string[];
  readonly sid: string;
}

/** Recent confirmed lines with a `u1` that the Events API has returned and not withdrawn. */
async function answeredLines({ client, tableName, days, sid }: Lookup): Promise<Item[]> {
  const lines: Item[] = [];
  let read = 0;
  for (const day of days) {
    const pages = paginateQuery(
      { client, pageSize: 500 },
      {
        TableName: tableName,
        IndexName: INDEXES.byDay,
        KeyConditionExpression: '#day = :day',
        FilterExpression:
          'begins_with(#line, :sid) AND #event = :confirmed AND attribute_exists(#answer) AND attribute_exists(u1) AND attribute_not_exists(#withdrawn)',
        ExpressionAttributeNames: {
          '#day': A.processDay,
          '#line': A.lineId,
          '#event': A.isEvent,
          '#answer': A.answerHash,
          '#withdrawn': A.withdrawnAt,
        },
        ExpressionAttributeValues: {
          ':day': { S: day },
          ':sid': { S: `${sid}#` },
          ':confirmed': { S: 'N' },
        },
      },
    );
    for await (const { Items = [], ScannedCount = 0 } of pages) {
      lines.push(...Items);
      read += ScannedCount;
      if (lines.length >= MAX_LINES || read >= MAX_ITEMS_READ) return lines.slice(0, MAX_LINES);
    }
  }
  return lines;
}

/** The index does not carry whose `u1` it is. */
async function readRows(
  client: DynamoDBClient,
  tableName: string,
  lines: readonly Item[],
): Promise<Item[]> {
  const Keys = lines.flatMap(({ [A.lineId]: lineId, [A.isEvent]: isEvent }) =>
    lineId === undefined || isEvent === undefined
      ? []
      : [{ [A.lineId]: lineId, [A.isEvent]: isEvent }],
  );
  if (Keys.length === 0) return [];
  const { Responses } = await client.send(
    new BatchGetItemCommand({ RequestItems: { [tableName]: { Keys } } }),
  );
  return Responses?.[tableName] ?? [];
}
