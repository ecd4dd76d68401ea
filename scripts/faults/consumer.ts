import { GetItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { ATTRIBUTES } from '../../core/names';
import { ALL_FIELDS, fieldListId } from '../../core/rakuten/fields';
import { sha256 } from '../../core/sha256';
import { PROBE_KIND, STATE_KEYS } from '../../core/store/publisher-state';
import { DynamoRegistrationStore } from '../../core/store/registration-store';
import { TransactionWriter } from '../../core/store/write';
import type { Case, Scenario } from './scenario';
import { forgetAll, type Services, STATE_TABLE, TABLE, URL_SECRET } from './world';

const SID = '3900112';
const AT = '2026-04-18T09:31:13.250Z';

/** A batch of a line that is new, one that Rakuten changed, one that is there already, and a probe. */
export const consuming: Scenario = {
  handler: 'consumer',
  title: 'a batch: a new line, a changed one, one that is there, a probe',
  next: 'SQS delivers the messages that were not acknowledged again, five times, then they wait in the dead-letter queue with the reason noted',
  begin,
};

async function begin({ client, fresh }: Services, serial: number): Promise<Case> {
  await forgetAll(client);
  const accepted = [{ secretSha256: sha256(URL_SECRET), fieldListId: fieldListId(ALL_FIELDS), fields: ALL_FIELDS }];
  await new DynamoRegistrationStore(client, STATE_TABLE).writeState({ sid: SID, accepted });
  const order = `O-${serial}`;
  const line = (id: string, amount: string) => ({
    is_event: 'N',
    etransaction_id: `${id}-${serial}`,
    sid: SID,
    advertiser_id: '41207',
    order_id: order,
    sale_amount: amount,
    process_date: '2026-04-18T09:31:12.000+00:00',
  });
  const writer = new TransactionWriter(client, TABLE, 1);
  for (const [id, amount] of [
    ['changed', '10'],
    ['known', '20'],
  ] as const) {
    await writer.write({
      fields: { ...line(id, amount), process_date: '2026-04-18T09:31:12.000Z' },
      problems: [],
      extra: {},
      query: 'before',
      requestId: 'before',
      receivedAt: '2026-04-18T09:31:12.500Z',
      source: 'push',
    });
  }
  const probe = `probe-${serial}`;
  const contents: Record<string, string>[] = [
    { ...line('new', '5.50') },
    { ...line('changed', '11'), process_date: '2026-04-18T10:00:00.000+00:00' },
    { ...line('known', '20') },
    { probe },
  ];
  const batch = contents.map((parameters, index) => recordOf(`message-${serial}-${index}`, parameters));
  const consumer = fresh('consumer', 30);
  let open = batch;
  const deliver = async (): Promise<string> => {
    const { batchItemFailures } = (await consumer.invoke({ Records: open } satisfies SQSEvent)) as SQSBatchResponse;
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    open = open.filter(({ messageId }) => failed.has(messageId));
    return open.length === 0 ? 'all done' : `${open.length} of ${batch.length} messages come again`;
  };
  const missing = async (): Promise<string[]> => {
    const { Items = [] } = await client.send(
      new QueryCommand({
        TableName: TABLE,
        KeyConditionExpression: 'order_key = :o',
        ExpressionAttributeValues: { ':o': { S: `${SID}#41207#${order}` } },
        ConsistentRead: true,
      }),
    );
    const shown = new Map(Items.map((item) => [item.etransaction_id?.S?.split('-')[0] ?? '', item]));
    const isOpen = (index: number) => open.some(({ messageId }) => messageId === `message-${serial}-${index}`);
    const wrong: string[] = [];
    if (Items.length > 3) wrong.push('a line has two rows');
    if (!isOpen(0) && shown.get('new')?.sale_amount?.N !== '5.5') wrong.push('a new line was acknowledged and is not in the table');
    const changed = shown.get('changed');
    if (!isOpen(1) && (changed?.sale_amount?.N !== '11' || changed[ATTRIBUTES.previousVersions]?.L?.length !== 1))
      wrong.push('a change was acknowledged and is not in the row once');
    if (shown.get('known')?.sale_amount?.N !== '20' || shown.get('known')?.[ATTRIBUTES.previousVersions] !== undefined)
      wrong.push('a known row was changed');
    const key = { [STATE_KEYS.partition]: { S: PROBE_KIND }, [STATE_KEYS.sort]: { S: probe } };
    const { Item } = await client.send(new GetItemCommand({ TableName: STATE_TABLE, Key: key, ConsistentRead: true }));
    if (!isOpen(3) && Item === undefined) wrong.push('a probe was acknowledged and is not noted');
    return wrong;
  };
  return {
    act: deliver,
    wrongAtOnce: missing,
    recover: async () => {
      if (open.length > 0) await deliver();
    },
    wrongInTheEnd: async () => [...(await missing()), ...(open.length > 0 ? ['a message failed undisturbed'] : [])],
    close: () => consumer.close(),
  };
}

function recordOf(messageId: string, parameters: Readonly<Record<string, string>>): SQSEvent['Records'][number] {
  const q = new URLSearchParams({ k: URL_SECRET, f: fieldListId(ALL_FIELDS), ...parameters }).toString();
  return {
    messageId,
    receiptHandle: messageId,
    body: new URLSearchParams({ at: String(Date.parse(AT)), id: messageId, ip: '198.51.100.7', q: `&${q}` }).toString(),
    attributes: { ApproximateReceiveCount: '1', SentTimestamp: '0', SenderId: '', ApproximateFirstReceiveTimestamp: '0' },
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:postbacks',
    awsRegion: 'us-east-1',
  };
}
