import type { DynamoDBClient, PutItemCommandInput } from '@aws-sdk/client-dynamodb';
import { SOURCES } from '../../core/names';
import { ALL_FIELDS } from '../../core/rakuten/fields';
import { normalisedQuery } from '../../core/rakuten/message';
import { parsePostback } from '../../core/rakuten/parse';
import { TransactionWriter } from '../../core/store/write';
import type { Item } from './item-size';
import { TYPICAL_LINE } from './typical-line';

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
