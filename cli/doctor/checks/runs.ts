import { NoteTable } from '../../../core/reconciliation/checkpoint';
import { reconcilablePublisher } from '../../../core/reconciliation/publisher';
import { parseProperties } from '../../../core/registration/properties';
import type { PublisherState } from '../../../core/state/publisher-state';
import type { WatchRecord } from '../../../core/status-watch/record';
import { DynamoWatchStore } from '../../../core/status-watch/watch-store';
import type { Examination } from '../examination';
import { type Check, type Finding, ok, problem, skipped, UNREGISTERED, warning } from '../finding';
import { spanText } from '../span';
import { findingOf } from '../trouble';

/** A watch looks once an hour at the rarest. */
const WATCH_MILLIS = 75 * 60_000;
/** The hourly run, and one that failed. */
const RECONCILED_MILLIS = 3 * 60 * 60_000;

const RESULTS: Record<NonNullable<WatchRecord['spell']>['finding'], string> = {
  disabled: 'switched off at Rakuten',
  missing: 'missing at Rakuten',
  'taken-over': "somebody else's URL is in the slot",
  outdated: 'registered with a URL whose postbacks are lost',
};

/** When the schedules last did their work, from what they keep in the state table. */
export const runs: Check = {
  area: 'Schedules',
  name: 'Last runs',
  permissions: ['dynamodb:GetItem on the state table'],
  stackOnly: true,
  run: async (examination) => {
    const publishers = await examination.publishers();
    const tableName = await examination.resource('stateTableName', 'StateTableName');
    const client = await examination.dynamodb();
    const records = new DynamoWatchStore(client, tableName);
    const notes = new NoteTable(client, tableName);
    const findings: Finding[] = [];
    for (const publisher of publishers) {
      const { sid } = publisher;
      const of = publishers.length > 1 ? ` of ${sid}` : '';
      findings.push({
        ...(await ifThere(examination, 'statusWatchFunctionName', async () =>
          judgeWatch(await records.readRecord(sid), examination.now(), publisher),
        )),
        what: `Last look${of}`,
      });
      findings.push({
        ...(await ifThere(examination, 'reconciliationFunctionName', async () =>
          judgeReconciliation((await notes.read(sid)).succeededAt, examination.now(), publisher),
        )),
        what: `Last reconciliation${of}`,
      });
    }
    return findings;
  },
};

/** What was left out of the stack leaves no trace. */
async function ifThere(
  examination: Examination,
  resource: 'statusWatchFunctionName' | 'reconciliationFunctionName',
  look: () => Promise<Finding>,
): Promise<Finding> {
  return (await examination.installation()).resources[resource] === ''
    ? skipped('there is no such function')
    : look();
}

export function judgeWatch(
  record: WatchRecord | undefined,
  now: number,
  { properties }: PublisherState,
): Finding {
  if (properties === undefined) return UNREGISTERED;
  if (record === undefined)
    return warning(
      'the status watch has not looked yet',
      'look again some minutes after the deployment; then cdk-rakuten-postback watch',
    );
  const { spell, failures = 0, activeAt } = record;
  if (spell !== undefined) {
    return problem(
      `since ${spell.noticedAt} the postback is ${RESULTS[spell.finding]}`,
      'cdk-rakuten-postback watch puts right what may be put right; docs/watch.md says when it does not',
    );
  }
  if (failures > 0)
    return warning(
      `the last ${failures === 1 ? 'look' : `${failures} looks`} failed`,
      "cdk-rakuten-postback watch says why; or see the function's log",
    );
  // What is to be off is never seen switched on, however often the watch looks.
  if (!parseProperties(properties).enabled)
    return ok('the postback is to be off, as the stack says');
  if (activeAt === undefined)
    return warning(
      'the status watch has not seen the postback switched on',
      'cdk-rakuten-postback watch',
    );
  const ago = now - Date.parse(activeAt);
  const found = `the postback was seen switched on ${spanText(Math.max(0, ago))} ago`;
  return ago > WATCH_MILLIS
    ? problem(
        `${found}, and not looked at since`,
        'see the schedule and the function above; cdk-rakuten-postback watch looks now',
      )
    : ok(found);
}

export function judgeReconciliation(
  succeededAt: number | undefined,
  now: number,
  publisher: PublisherState,
): Finding {
  if (publisher.properties === undefined) return UNREGISTERED;
  try {
    reconcilablePublisher(publisher.sid, publisher);
  } catch (error) {
    return { ...findingOf(error), status: 'warning' };
  }
  if (succeededAt === undefined) {
    return warning(
      'none has succeeded yet',
      'the first one runs right after a deployment, the next within the hour; cdk-rakuten-postback reconcile --from DAY --dry-run does it by hand and says what is wrong',
    );
  }
  const ago = now - succeededAt;
  const found = `succeeded ${spanText(Math.max(0, ago))} ago`;
  if (ago <= RECONCILED_MILLIS) return ok(found);
  return problem(
    `${found}, and none since`,
    "look into the function's log; cdk-rakuten-postback reconcile --from DAY does its work by hand and says what is wrong",
  );
}
