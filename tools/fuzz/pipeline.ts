import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { AttributeValue, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { fieldListId } from '../../core/rakuten/postback/fields';
import { parseMessage } from '../../core/rakuten/postback/message';
import { sha256 } from '../../core/sha256';
import { Publishers } from '../../core/state/publishers';
import { toItem } from '../../core/transactions/item';
import type { KeyedPush } from '../../core/transactions/pushed-line';
import { EMPTY_ROW, joinPushes } from '../../core/transactions/row-state';
import { type PushOutcome, RowStore } from '../../core/transactions/row-store';
import { type Decision, decide } from '../../lambda/consumer/decide';
import { decodeQuery } from '../../local/gateway/query';
import { type MappingTemplate, parseTemplate } from '../../local/gateway/velocity';
import { FUZZ_SECRET, type FuzzCase, LISTS, type ListName } from './queries';

export type Item = Record<string, AttributeValue>;

/** One query string on its way from the request line to the row. */
export interface Journey {
  readonly case: FuzzCase;
  /** What API Gateway passes to the mapping template. */
  readonly parameters: ReadonlyMap<string, string>;
  /** The form that goes to SQS. */
  readonly rendered: string;
  /** The message, as SQS reads the form. */
  readonly body: string;
  readonly decision: Decision;
  /** The row of a line. */
  readonly item?: Item;
}

export const TEMPLATE_TEXT = readFileSync(
  join(__dirname, '..', '..', 'lib', 'ingestion-api.vtl'),
  'utf8',
).trim();
export const ARRIVAL = { at: 1776504672000, id: 'JZ2n7F1zIAMEJ0w+/=', ip: '198.51.100.7' } as const;
const CONTEXT = {
  requestTimeEpoch: String(ARRIVAL.at),
  extendedRequestId: ARRIVAL.id,
  identity: { sourceIp: ARRIVAL.ip },
};

/** The publisher of the secret in the URL. */
export const FUZZ_SID = '3900112';
export const ITEM_OPTIONS = { dayShards: 1 } as const;

/** The parts that a query string passes. A test replaces one by a broken one. */
export interface Parts {
  readonly template: MappingTemplate;
  readonly decide: typeof decide;
}

export const REAL_PARTS: Parts = { template: parseTemplate(TEMPLATE_TEXT), decide };

const SOURCES_OF = Object.fromEntries(
  (Object.keys(LISTS) as ListName[]).map((list) => {
    const accepted = [
      {
        secretSha256: sha256(FUZZ_SECRET),
        fieldListId: fieldListId(LISTS[list]),
        fields: LISTS[list],
      },
    ];
    const publishers = new Publishers([{ sid: FUZZ_SID, accepted }]);
    return [list, { known: () => publishers, read: async () => publishers }];
  }),
);

export async function travel(
  fuzzCase: FuzzCase,
  { template, decide }: Parts = REAL_PARTS,
): Promise<Journey> {
  const parameters = decodeQuery(`/postback?${fuzzCase.query}`);
  const rendered = template.render({ querystring: parameters, context: CONTEXT });
  const body = new URLSearchParams(rendered).get('MessageBody') ?? '';
  const source = SOURCES_OF[fuzzCase.list];
  if (source === undefined) throw new Error(`no field list is called ${fuzzCase.list}`);
  const decision = await decide(parseMessage(body), source);
  return {
    case: fuzzCase,
    parameters,
    rendered,
    body,
    decision,
    ...(decision.kind === 'line' ? { item: itemOf(decision) } : {}),
  };
}

const itemOf = ({ key, push }: KeyedPush): Item =>
  toItem(key, joinPushes(EMPTY_ROW, [push]), ITEM_OPTIONS);

const WRITE_MILLIS = 30_000;

/** Writes a line twice through the real store. */
export async function store(
  client: DynamoDBClient,
  tableName: string,
  { key, push }: KeyedPush,
): Promise<readonly PushOutcome[]> {
  const rows = new RowStore({
    client,
    tableName,
    clock: { now: Date.now, pause },
    ...ITEM_OPTIONS,
  });
  const write = async (): Promise<PushOutcome> =>
    (await rows.writePushes(key, [push], Date.now() + WRITE_MILLIS)).outcome;
  return [await write(), await write()];
}
