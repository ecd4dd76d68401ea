import { DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import type { ArchiveRecord } from '../../core/archive/archive-record';
import { ATTRIBUTES, ENVIRONMENT } from '../../core/names';
import { ALL_FIELDS } from '../../core/rakuten/postback/fields';
import { readAnswer } from '../../core/reconciliation/answer';
import { MissingLinesTable } from '../../core/reconciliation/missing-lines';
import type { ReconciliationSettings } from '../../core/reconciliation/window';
import { RECONCILIATION_KIND, STATE_KEYS } from '../../core/state/publisher-state';
import type { Item } from '../../core/transactions/attributes';
import { lineIdOf } from '../../core/transactions/keys';
import { readPushedLine } from '../../core/transactions/pushed-line';
import type { LineRecord } from '../../fake-rakuten';
import type { ReconciliationResult } from '../../lambda/reconciliation/reconciler';
import type { LocalFunction } from '../../local/lambda/local-function';
import { STATE_TABLE, URL_SECRET } from './names';
import { type FaultPlan, isRakutenGone } from './proxy';
import { acceptedUrl, propertiesOf, putState } from './publisher';
import { rowStore } from './rows';
import { type Case, messageOf, type Scenario } from './scenario';
import type { World } from './world';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Lines of each of two days. A run reads one day at first, and has no time for the second one. */
const LINES_A_DAY = 12;
/** Lines of each day that a postback has delivered. */
const PUSHED_A_DAY = 4;
/** Less than a run keeps for one more page, so that each page is the last of its run. */
const SHORT_SECONDS = 230;
const LONG_SECONDS = 600;
/** The function divides whatever time it has. If Rakuten never comes back, it uses all of it. */
const HURRIED_SECONDS = 90;

const NEXT =
  'Lambda retries a failed run twice, and the next run of the schedule covers its time too';

export const reconciling: Scenario = {
  handler: 'reconciliation',
  title: `a run that finds ${LINES_A_DAY} lines on each of two days, and continues in a new invocation`,
  next: NEXT,
  begin: beginReconciling,
};

export const withdrawing: Scenario = {
  handler: 'reconciliation',
  title: 'a daily run that withdraws a line, misses another one, and finds a third one again',
  next: NEXT,
  begin: beginWithdrawing,
};

/** The publisher of one case. */
export const sidOf = (serial: number): string => String(5_000_000 + serial);

async function beginReconciling(world: World, serial: number, plan?: FaultPlan): Promise<Case> {
  const sid = sidOf(serial);
  const runner = await Runner.start(world, sid, SHORT_SECONDS, plan);
  const lines = [DAY + 12 * HOUR, 12 * HOUR].flatMap((age) => linesOf(sid, age));
  for (const line of lines) world.rakuten.record(line);
  for (const line of lines.filter((_, index) => index % LINES_A_DAY < PUSHED_A_DAY))
    await pushRow(world, sid, line);

  const wrong = async (): Promise<string[]> => {
    const rows = await Promise.all(lines.map((line) => readRow(world, line)));
    const lost = rows.filter(
      (row) => row?.[ATTRIBUTES.verifiedAt] === undefined || row.sale_amount?.N !== '5.5',
    );
    const archived = new Set(
      world.standIns.archived.map((text) => (JSON.parse(text) as ArchiveRecord).line_id),
    );
    const unarchived = rows.filter(
      (row) => row?.[ATTRIBUTES.verifiedAt] !== undefined && !archived.has(row.line_id?.S),
    );
    return [
      ...(lost.length === 0 || runner.hasFailed
        ? []
        : [`${lost.length} of ${lines.length} lines were not written`]),
      ...(unarchived.length === 0
        ? []
        : [`${unarchived.length} lines were written and are not in the archive`]),
    ];
  };
  const event = { sid, from: new Date(Date.now() - 2 * DAY).toISOString(), reason: 'faults' };
  return { ...runner.caseOf(event), wrongAtOnce: wrong, wrongInTheEnd: wrong };
}

async function beginWithdrawing(world: World, serial: number, plan?: FaultPlan): Promise<Case> {
  const sid = sidOf(serial);
  const runner = await Runner.start(world, sid, LONG_SECONDS, plan);
  const back = lineOf(sid, 'BACK', 40 * HOUR);
  const gone = lineOf(sid, 'GONE', 30 * HOUR);
  const fresh = lineOf(sid, 'FRESH', 20 * HOUR);
  for (const line of [back, gone, fresh]) await answerRow(world, sid, line);
  world.rakuten.record(back);
  await pushRow(world, sid, lineOf(sid, 'PUSHED', 30 * HOUR));
  const missing = new MissingLinesTable(world.clients.dynamodb, STATE_TABLE);
  await missing.remember(
    [back, gone].map(({ etransaction_id = '' }) => lineIdOf(sid, etransaction_id)),
    Date.now() - 21 * HOUR,
  );

  const isWithdrawn = async (line: LineRecord): Promise<boolean> => {
    const row = await readRow(world, line);
    return row?.[ATTRIBUTES.withdrawnAt] !== undefined && row[ATTRIBUTES.verifiedAt] === undefined;
  };
  const wrong = async (): Promise<string[]> => {
    const falsely = [
      (await isWithdrawn(back)) || (await isWithdrawn(fresh))
        ? 'a line was withdrawn too early'
        : '',
    ];
    if (runner.hasFailed) return falsely.filter(Boolean);
    const marked = await missing.read(sid);
    const isMarked = ({ etransaction_id = '' }: LineRecord): boolean =>
      marked.has(lineIdOf(sid, etransaction_id));
    return [
      ...falsely,
      (await isWithdrawn(gone)) ? '' : 'a line that two reads lacked was not withdrawn',
      isMarked(fresh) ? '' : 'a line that the read lacked was not marked',
      // The mark of a withdrawn line may stay until it expires: it is read for verified lines only.
      isMarked(back) ? 'the mark of a line that is back was left' : '',
    ].filter(Boolean);
  };
  return { ...runner.caseOf({ sid, run: 'daily' }), wrongAtOnce: wrong, wrongInTheEnd: wrong };
}

/** The function of one case, with the continuations that it asks for. */
class Runner {
  hasFailed = false;

  private constructor(
    private readonly world: World,
    private readonly sid: string,
    private readonly timeoutSeconds: number,
    private fn: LocalFunction,
  ) {}

  static async start(
    world: World,
    sid: string,
    timeoutSeconds: number,
    plan?: FaultPlan,
  ): Promise<Runner> {
    await world.forgetAll();
    await putState(world.clients.dynamodb, STATE_TABLE, {
      sid,
      accepted: [acceptedUrl(URL_SECRET)],
      properties: propertiesOf(sid, 'https://endpoint.test/postback', world.rakutenUrl),
    });
    return new Runner(
      world,
      sid,
      timeoutSeconds,
      functionOf(world, isRakutenGone(plan) ? HURRIED_SECONDS : timeoutSeconds),
    );
  }

  caseOf(event: object): Pick<Case, 'act' | 'recover' | 'close'> {
    return {
      act: async () => {
        try {
          return await this.run(event);
        } catch (error) {
          this.hasFailed = true;
          return /timed out after/.test(messageOf(error)) ? 'the run is cut off' : 'the run fails';
        }
      },
      recover: async () => {
        if (!this.hasFailed) return;
        // As after the minutes that the lease of a killed run lasts.
        const Key = {
          [STATE_KEYS.partition]: { S: RECONCILIATION_KIND },
          [STATE_KEYS.sort]: { S: this.sid },
        };
        await this.world.clients.dynamodb.send(
          new DeleteItemCommand({ TableName: STATE_TABLE, Key }),
        );
        await this.fn.close();
        this.fn = functionOf(this.world, this.timeoutSeconds);
        await this.run(event);
        this.hasFailed = false;
      },
      close: () => this.fn.close(),
    };
  }

  private async run(first: object): Promise<string> {
    const events: unknown[] = [first];
    let outcome = '';
    for (let event = events.shift(); event !== undefined; event = events.shift()) {
      ({ outcome } = (await this.fn.invoke(event)) as ReconciliationResult);
      events.push(
        ...this.world.standIns.invoked.splice(0).map((text) => JSON.parse(text) as unknown),
      );
    }
    return outcome;
  }
}

const SETTINGS: ReconciliationSettings = {
  hourlyWindowSeconds: 3 * 3600,
  dailyWindowSeconds: 2 * 86_400,
  backfillSeconds: 0,
  unverifiedAfterSeconds: 3600,
};

const functionOf = (world: World, timeoutSeconds: number): LocalFunction =>
  world.fresh('reconciliation', timeoutSeconds, {
    [ENVIRONMENT.reconciliation]: JSON.stringify(SETTINGS),
  });

const linesOf = (sid: string, ageMillis: number): LineRecord[] =>
  Array.from({ length: LINES_A_DAY }, (_, index) =>
    lineOf(sid, `X${ageMillis}X${index}`, ageMillis),
  );

/** A line that Rakuten processed that long ago. */
export const lineOf = (sid: string, id: string, ageMillis: number): LineRecord => ({
  sid,
  etransaction_id: `R${sid}${id}`,
  is_event: 'N',
  advertiser_id: '41207',
  order_id: `order-${sid}${id}`,
  sale_amount: '5.50',
  process_date: new Date(Date.now() - ageMillis).toISOString(),
  transaction_date: new Date(Date.now() - ageMillis - HOUR).toISOString(),
});

/** Makes the row of a postback. */
export async function pushRow({ clients }: World, sid: string, line: LineRecord): Promise<void> {
  const arrival = {
    receivedAt: line.process_date ?? '',
    requestId: 'before',
    sourceIp: '198.51.100.7',
  };
  const pushed = readPushedLine(
    { ...arrival, parameters: Object.entries(line) },
    { sid, fieldListId: '', fields: ALL_FIELDS },
  );
  if (pushed === undefined) throw new Error('the fields are no line');
  await rowStore(clients.dynamodb).writePushes(pushed.key, [pushed.push], Date.now() + 10_000);
}

/** Makes the row of a line that the Events API has returned. */
async function answerRow({ clients }: World, sid: string, line: LineRecord): Promise<void> {
  const keyed = readAnswer(line, { sid, runId: 'before', fetchedAt: line.process_date ?? '' });
  if (keyed === undefined) throw new Error('the record is of another publisher');
  await rowStore(clients.dynamodb).applyAnswer(keyed.key, keyed.answer, Date.now() + 10_000);
}

const readRow = (
  { clients }: World,
  { sid = '', etransaction_id = '' }: LineRecord,
): Promise<Item | undefined> =>
  rowStore(clients.dynamodb).read({ lineId: lineIdOf(sid, etransaction_id), isEvent: 'N' });
