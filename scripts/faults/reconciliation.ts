import { DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import { ENVIRONMENT } from '../../core/names';
import { RECONCILIATION_KIND, STATE_KEYS } from '../../core/store/publisher-state';
import { DynamoRegistrationStore } from '../../core/store/registration-store';
import type { ReconciliationResult } from '../../lambda/reconciliation/reconciler';
import { STATE_TABLE, URL_SECRET } from './names';
import { type FaultPlan, isRakutenGone } from './proxy';
import { acceptedUrl, propertiesOf } from './publisher';
import { type Case, messageOf, type Scenario } from './scenario';
import type { World } from './world';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** More than go into one call to the queue, on each of two days: a run reads a day at first, and has time for no more. */
const LINES_A_DAY = 12;
/** Less than a run keeps for one more page, so that each page is the last of its run. */
const TIMEOUT_SECONDS = 230;
/** Whatever it has, the function divides; where Rakuten never comes back, it uses up all of it. */
const HURRIED_SECONDS = 90;

export const reconciling: Scenario = {
  handler: 'reconciliation',
  title: `a run that finds ${LINES_A_DAY} lines missing on each of two days, and hands the second on to the next run`,
  next: 'Lambda tries a failed run twice more, and the next one of the schedule covers its time too',
  begin,
};

async function begin(world: World, serial: number, plan?: FaultPlan): Promise<Case> {
  await world.forgetAll();
  const { dynamodb } = world.clients;
  const sid = String(5_000_000 + serial);
  await new DynamoRegistrationStore(dynamodb, STATE_TABLE).writeState({
    sid,
    accepted: [acceptedUrl(URL_SECRET)],
    properties: propertiesOf(sid, 'https://endpoint.test/postback', world.rakutenUrl),
  });
  const ids = [DAY + 12 * HOUR, 12 * HOUR].flatMap((age) => recordLines(world, sid, age));
  const reconciliation = world.fresh('reconciliation', isRakutenGone(plan) ? HURRIED_SECONDS : TIMEOUT_SECONDS, {
    [ENVIRONMENT.reconciliation]: JSON.stringify({
      hourlyWindowSeconds: 3 * 3600,
      dailyWindowSeconds: 14 * 86_400,
      backfillSeconds: 29 * 86_400,
      unverifiedAfterSeconds: 86_400,
    }),
  });
  let failed = false;
  const sent = new Set<string>();
  /** The run, and those that it hands its rest on to. */
  const run = async (): Promise<string> => {
    const wanted: unknown[] = [{ sid, from: new Date(Date.now() - 2 * DAY).toISOString(), reason: 'faults' }];
    let outcome = '';
    for (let event = wanted.shift(); event !== undefined; event = wanted.shift()) {
      ({ outcome } = (await reconciliation.invoke(event)) as ReconciliationResult);
      wanted.push(...world.standIns.invoked.splice(0).map((text) => JSON.parse(text) as unknown));
    }
    return outcome;
  };
  const missing = async (): Promise<string[]> => {
    for (const body of await world.takeMessages()) {
      const query = new URLSearchParams(new URLSearchParams(body).get('q') ?? '');
      sent.add(query.get('etransaction_id') ?? '');
    }
    const lost = ids.filter((id) => !sent.has(id));
    return lost.length === 0 ? [] : [`${lost.length} of ${ids.length} lines were not sent`];
  };
  return {
    act: async () => {
      try {
        return await run();
      } catch (error) {
        failed = true;
        return /timed out after/.test(messageOf(error)) ? 'the run is cut off' : 'the run fails';
      }
    },
    wrongAtOnce: async () => (failed ? [] : missing()),
    recover: async () => {
      if (!failed) return;
      // As if the minutes had passed after which the right of a run that is gone ends.
      const Key = { [STATE_KEYS.partition]: { S: RECONCILIATION_KIND }, [STATE_KEYS.sort]: { S: sid } };
      await dynamodb.send(new DeleteItemCommand({ TableName: STATE_TABLE, Key }));
      await run();
    },
    wrongInTheEnd: missing,
    close: () => reconciliation.close(),
  };
}

/** Lines that Rakuten processed so long ago. Returns their ids. */
function recordLines({ rakuten }: World, sid: string, ageMillis: number): string[] {
  return Array.from({ length: LINES_A_DAY }, (_, index) => {
    const id = `R${sid}X${ageMillis}X${index}`;
    rakuten.record({
      sid,
      etransaction_id: id,
      is_event: 'N',
      advertiser_id: '41207',
      order_id: `order-${id}`,
      sale_amount: '5.50',
      process_date: new Date(Date.now() - ageMillis).toISOString(),
      transaction_date: new Date(Date.now() - ageMillis - HOUR).toISOString(),
    });
    return id;
  });
}
