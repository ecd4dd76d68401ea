import { DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import { DeleteMessageCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { ENVIRONMENT } from '../../core/names';
import { ALL_FIELDS, fieldListId } from '../../core/rakuten/fields';
import { sha256 } from '../../core/sha256';
import { RECONCILIATION_KIND, STATE_KEYS } from '../../core/store/publisher-state';
import { DynamoRegistrationStore } from '../../core/store/registration-store';
import { propertiesOf } from './publisher';
import { type Case, messageOf, type Scenario } from './scenario';
import { forgetAll, type Services, STATE_TABLE, URL_SECRET } from './world';

const HOUR = 3_600_000;
const LINES = 12;

export const reconciling: Scenario = {
  handler: 'reconciliation',
  title: `an hourly run that finds ${LINES} lines missing`,
  next: 'Lambda tries a failed run twice more, and the next hour covers its time too',
  begin,
};

async function begin({ client, sqs, queueUrl, rakuten, rakutenUrl, fresh }: Services, serial: number): Promise<Case> {
  await forgetAll(client);
  const sid = String(5_000_000 + serial);
  await new DynamoRegistrationStore(client, STATE_TABLE).writeState({
    sid,
    accepted: [{ secretSha256: sha256(URL_SECRET), fieldListId: fieldListId(ALL_FIELDS), fields: ALL_FIELDS }],
    properties: propertiesOf(sid, 'https://endpoint.test/postback', rakutenUrl),
  });
  const ids = Array.from({ length: LINES }, (_, index) => `R${serial}X${index}`);
  for (const id of ids) {
    rakuten.record({
      sid,
      etransaction_id: id,
      is_event: 'N',
      advertiser_id: '41207',
      order_id: `order-${id}`,
      sale_amount: '5.50',
      process_date: new Date(Date.now() - HOUR / 2).toISOString(),
      transaction_date: new Date(Date.now() - HOUR).toISOString(),
    });
  }
  const reconciliation = fresh('reconciliation', 90, {
    [ENVIRONMENT.reconciliation]: JSON.stringify({
      hourlyWindowSeconds: 3 * 3600,
      dailyWindowSeconds: 14 * 86_400,
      backfillSeconds: 29 * 86_400,
      unverifiedAfterSeconds: 86_400,
    }),
  });
  let failed = false;
  const sent = new Set<string>();
  const run = (): Promise<unknown> => reconciliation.invoke({ sid, from: new Date(Date.now() - 2 * HOUR).toISOString(), reason: 'faults' });
  const missing = async (): Promise<string[]> => {
    for (;;) {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 }));
      if (Messages.length === 0) break;
      for (const { Body = '', ReceiptHandle } of Messages) {
        const query = new URLSearchParams(new URLSearchParams(Body).get('q') ?? '');
        sent.add(query.get('etransaction_id') ?? '');
        await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle }));
      }
    }
    const lost = ids.filter((id) => !sent.has(id));
    return lost.length === 0 ? [] : [`${lost.length} of ${LINES} lines were not sent`];
  };
  return {
    act: async () => {
      try {
        const { outcome } = (await run()) as { outcome: string };
        return outcome;
      } catch (error) {
        failed = true;
        return messageOf(error) === '' ? 'fails without a word' : 'the run fails';
      }
    },
    wrongAtOnce: async () => (failed ? [] : missing()),
    recover: async () => {
      if (!failed) return;
      // As if the minutes had passed after which the right of a run that is gone ends.
      const Key = { [STATE_KEYS.partition]: { S: RECONCILIATION_KIND }, [STATE_KEYS.sort]: { S: sid } };
      await client.send(new DeleteItemCommand({ TableName: STATE_TABLE, Key }));
      await run();
    },
    wrongInTheEnd: missing,
    close: () => reconciliation.close(),
  };
}
