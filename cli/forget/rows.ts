import { setTimeout as pause } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { scanItems } from '../../client/pages';
import { limitConcurrency, retryOnThrottle } from '../../core/async';
import type { FieldList } from '../../core/rakuten/postback/fields';
import { Publishers } from '../../core/state/publishers';
import type { Item } from '../../core/transactions/attributes';
import { fromItem } from '../../core/transactions/item';
import { keyText, parseLineId } from '../../core/transactions/keys';
import { keyOfItem, RowStore } from '../../core/transactions/row-store';
import { rowWithoutMember, type Traces } from '../../core/transactions/row-without-member';
import type { KnownMember } from '../../core/transactions/without-member';
import { requireResource } from '../installation';
import { type Progress, withProgress } from '../progress';
import type { ForgetContext } from './options';

/** What was done to rows, or would be done. */
export interface ScrubbedRows {
  readonly changed: number;
  readonly traces: Traces;
  /** Rows that could not be written, with the reason. */
  readonly failures: readonly string[];
  /** Whether the last reading still found the member. */
  readonly isContended: boolean;
}

/** Parts of the table that are read at the same time. */
const SEGMENTS = 4;
const WRITES_AT_ONCE = 16;
const WRITE_MILLIS = 60_000;
/** The first one removes the member, the second one shows that it is gone. */
const MAX_READINGS = 4;

/**
 * Removes a member from the rows of the table, each under a condition, so that no other write is
 * lost.
 */
export class RowScrubber {
  private readonly limited = limitConcurrency(WRITES_AT_ONCE);
  private readonly changed = new Set<string>();
  private readonly failures = new Map<string, string>();
  private readonly traces = { members: 0, queries: 0, extras: 0 };

  private constructor(
    private readonly context: ForgetContext,
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
    private readonly member: KnownMember,
    private readonly fieldLists: readonly FieldList[],
  ) {}

  static async open(context: ForgetContext, member: KnownMember): Promise<RowScrubber> {
    const installation = await context.installation();
    const client = new DynamoDBClient(installation.aws('dynamodb'));
    const { fieldLists } = await Publishers.read(
      client,
      requireResource(installation, 'stateTableName'),
    );
    return new RowScrubber(
      context,
      client,
      requireResource(installation, 'tableName'),
      member,
      fieldLists,
    );
  }

  /** Reads the whole table until a reading finds nothing. */
  async run(isPreview: boolean): Promise<ScrubbedRows> {
    let found = 1;
    for (let reading = 1; found > 0 && reading <= (isPreview ? 1 : MAX_READINGS); reading += 1)
      found = await this.readTable(isPreview);
    const { traces, changed, failures } = this;
    return {
      changed: changed.size,
      traces,
      failures: [...failures.values()],
      isContended: !isPreview && found > 0,
    };
  }

  private async readTable(isPreview: boolean): Promise<number> {
    return withProgress(this.context, 'rows', async (progress) => {
      const segments = Array.from({ length: SEGMENTS }, (_, segment) =>
        this.readSegment(segment, progress, isPreview),
      );
      return (await Promise.all(segments)).reduce((sum, count) => sum + count, 0);
    });
  }

  private async readSegment(
    Segment: number,
    progress: Progress,
    isPreview: boolean,
  ): Promise<number> {
    const store = new RowStore({
      client: this.client,
      tableName: this.tableName,
      dayShards: 1,
      clock: { now: Date.now, pause },
    });
    const items = scanItems(this.client, {
      TableName: this.tableName,
      Segment,
      TotalSegments: SEGMENTS,
    });
    const writes: Promise<boolean>[] = [];
    for await (const item of progress.count(items)) {
      this.context.terminal.signal.throwIfAborted();
      const traces = this.tracesIn(item);
      if (traces === undefined) continue;
      if (isPreview) this.count(item, traces);
      else writes.push(this.limited(() => this.scrub(store, item)));
    }
    return (await Promise.all(writes)).filter((isChanged) => isChanged).length;
  }

  private tracesIn(item: Item): Traces | undefined {
    const { sid } = this.member;
    if (sid !== undefined && parseLineId(keyOfItem(item).lineId).sid !== sid) return undefined;
    const row = fromItem(item);
    return row && rowWithoutMember(row, this.member, this.fieldLists)?.traces;
  }

  /** Whether the row still had the member. A reading can be a second behind. */
  private async scrub(store: RowStore, item: Item): Promise<boolean> {
    const name = keyText(keyOfItem(item));
    const deadline = Date.now() + WRITE_MILLIS;
    const write = () => store.forgetMember(this.member, this.fieldLists, deadline, item);
    try {
      const traces = await retryOnThrottle(write, deadline, 'DynamoDB did not answer in time', {
        now: Date.now,
        pause,
      });
      this.failures.delete(name);
      if (traces !== undefined) this.count(item, traces);
      return traces !== undefined;
    } catch (error) {
      this.failures.set(name, `${name} (${String(error)})`);
      return true;
    }
  }

  private count(item: Item, { members, queries, extras }: Traces): void {
    this.changed.add(keyText(keyOfItem(item)));
    this.traces.members += members;
    this.traces.queries += queries;
    this.traces.extras += extras;
  }
}
