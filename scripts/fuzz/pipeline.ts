import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AttributeValue, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { fieldListId } from '../../core/rakuten/fields';
import { sha256 } from '../../core/sha256';
import { toItem } from '../../core/store/item';
import { rowKey } from '../../core/store/keys';
import { type DeliveredLine, stateOf } from '../../core/store/merge';
import { Publishers } from '../../core/store/publishers';
import { TransactionWriter } from '../../core/store/write';
import { type Decision, decide } from '../../lambda/consumer/decide';
import { decodeQuery } from '../../local/gateway/query';
import { type MappingTemplate, parseTemplate } from '../../local/gateway/velocity';
import { FUZZ_SECRET, type FuzzCase, LISTS, type ListName } from './queries';

export type Item = Record<string, AttributeValue>;

/** One query string on its way from the request line to the row. */
export interface Journey {
  readonly case: FuzzCase;
  /** What API Gateway hands to the mapping template. */
  readonly parameters: ReadonlyMap<string, string>;
  /** The form that goes to SQS. */
  readonly rendered: string;
  /** The message, as SQS reads the form. */
  readonly body: string;
  readonly decision: Decision;
  /** The row, where it is a line. */
  readonly item?: Item;
}

export const TEMPLATE_TEXT = readFileSync(join(__dirname, '..', '..', 'lib', 'ingestion-api.vtl'), 'utf8').trim();
export const ARRIVAL = { at: 1776504672000, id: 'JZ2n7F1zIAMEJ0w+/=', ip: '198.51.100.7' } as const;
const CONTEXT = { requestTimeEpoch: String(ARRIVAL.at), extendedRequestId: ARRIVAL.id, identity: { sourceIp: ARRIVAL.ip } };

/** The parts that a query string passes. A test puts a broken one in, to see that it is noticed. */
export interface Parts {
  readonly template: MappingTemplate;
  readonly decide: typeof decide;
}

export const REAL_PARTS: Parts = { template: parseTemplate(TEMPLATE_TEXT), decide };

const SOURCES_OF = Object.fromEntries(
  (Object.keys(LISTS) as ListName[]).map((list) => {
    const accepted = [{ secretSha256: sha256(FUZZ_SECRET), fieldListId: fieldListId(LISTS[list]), fields: LISTS[list] }];
    const publishers = new Publishers([{ sid: '3900112', accepted }]);
    return [list, { known: () => publishers, read: async () => publishers }];
  }),
);

export async function travel(fuzzCase: FuzzCase, { template, decide }: Parts = REAL_PARTS): Promise<Journey> {
  const parameters = decodeQuery(`/postback?${fuzzCase.query}`);
  const rendered = template.render({ querystring: parameters, context: CONTEXT });
  const body = new URLSearchParams(rendered).get('MessageBody') ?? '';
  const source = SOURCES_OF[fuzzCase.list];
  if (source === undefined) throw new Error(`no field list is called ${fuzzCase.list}`);
  const decision = await decide(body, source);
  return { case: fuzzCase, parameters, rendered, body, decision, ...(decision.kind === 'line' ? { item: itemOf(decision.line) } : {}) };
}

const itemOf = (line: DeliveredLine): Item => toItem(rowKey(line.fields, line.problems), stateOf(line), 1);

/** Writes a line twice through the real writer and reads the row back. */
export async function store(client: DynamoDBClient, tableName: string, line: DeliveredLine): Promise<readonly string[]> {
  const writer = new TransactionWriter(client, tableName, 1);
  return [await writer.write(line), await writer.write(line)];
}
