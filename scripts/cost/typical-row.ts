import type { AttributeValue, DynamoDBClient, PutItemCommandInput } from '@aws-sdk/client-dynamodb';
import { SOURCES } from '../../core/names';
import { ALL_FIELDS } from '../../core/rakuten/fields';
import { normalisedQuery } from '../../core/rakuten/message';
import { parsePostback } from '../../core/rakuten/parse';
import { TransactionWriter } from '../../core/store/write';
import { TYPICAL_LINE } from './typical-line';

export type Item = Record<string, AttributeValue>;

/** A sale with every field, of usual lengths: a member's click id, a product name of some words. */
const TYPICAL_POSTBACK = new URLSearchParams({
  ...TYPICAL_LINE,
  u1: 'clk_01HRV6Z8Q2M4J7B0S9T5',
  product_name: 'Wireless headphones, black, with charging case',
});

/** The item that the consumer writes for it, as its own code makes it. */
export async function typicalRow(): Promise<Item> {
  const parameters = [...TYPICAL_POSTBACK];
  const { fields, problems, extra } = parsePostback(parameters, ALL_FIELDS);
  let written: Item | undefined;
  const client = {
    send: async ({ input }: { input: PutItemCommandInput }) => {
      written = input.Item;
      return {};
    },
  } as unknown as DynamoDBClient;
  await new TransactionWriter(client, 'table', 1).write({
    fields: { ...fields, sid: fields.sid ?? '' },
    problems,
    extra,
    query: normalisedQuery(parameters),
    requestId: 'JKJaXmPLvHcESHA=',
    receivedAt: '2026-04-18T09:31:13.120Z',
    source: SOURCES.push,
  });
  if (written === undefined) throw new Error('the writer wrote no item');
  return written;
}

/** Bytes of an item as DynamoDB counts them: names, texts in UTF-8, numbers by their digits, three bytes for each list or map. */
export function itemBytes(item: Item): number {
  return Object.entries(item).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + valueBytes(value), 0);
}

function valueBytes(value: AttributeValue): number {
  if (value.S !== undefined) return Buffer.byteLength(value.S);
  if (value.N !== undefined) return Math.ceil(value.N.replace(/\D/g, '').length / 2) + 1;
  if (value.L !== undefined) return 3 + value.L.reduce((sum, element) => sum + 1 + valueBytes(element), 0);
  if (value.M !== undefined) return 3 + Object.keys(value.M).length + itemBytes(value.M);
  return 1;
}
