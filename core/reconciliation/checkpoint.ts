import { type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { type LeaseStore, LeaseTable } from '../state/lease';
import { RECONCILIATION_KIND } from '../state/publisher-state';

/**
 * What runs tell each other about a publisher. Nothing depends on it: without it a run reads more
 * than it would have to.
 */
export interface ReconciliationNote {
  /** Up to which `process_date` lines are compared without a gap. Milliseconds since 1970. */
  readonly coveredUntil?: number;
  /** When a run last succeeded. Milliseconds since 1970. */
  readonly succeededAt?: number;
}

/** What a run that succeeded writes. */
export type WrittenNote = ReconciliationNote & { readonly succeededAt: number };

/**
 * Keeps the notes, with one lease for each SID.
 *
 * One run at a time works on a publisher: two would share the calls that Rakuten allows.
 */
export interface NoteStore extends LeaseStore {
  read(sid: string): Promise<ReconciliationNote>;
  /**
   * Writes as the holder of the lease. False, with nothing written, when the holder has lost it.
   */
  write(sid: string, note: WrittenNote, holder: string): Promise<boolean>;
}

/** Attributes of a publisher's item. */
const NOTE = { coveredUntil: 'covered_until', succeededAt: 'succeeded_at' } as const;

/** Keeps notes in the state table, one item for each publisher. */
export class NoteTable extends LeaseTable implements NoteStore {
  constructor(client: Pick<DynamoDBClient, 'send'>, stateTableName: string) {
    super(client, stateTableName, RECONCILIATION_KIND);
  }

  async read(sid: string): Promise<ReconciliationNote> {
    const { Item = {} } = await this.client.send(
      new GetItemCommand({ TableName: this.tableName, Key: this.key(sid), ConsistentRead: true }),
    );
    const time = (name: string): number | undefined =>
      Item[name]?.S === undefined ? undefined : Date.parse(Item[name].S);
    return { coveredUntil: time(NOTE.coveredUntil), succeededAt: time(NOTE.succeededAt) };
  }

  write(sid: string, { coveredUntil, succeededAt }: WrittenNote, holder: string): Promise<boolean> {
    const text = (time: number) => ({ S: new Date(time).toISOString() });
    return this.writeHeld(sid, holder, {
      [NOTE.succeededAt]: text(succeededAt),
      ...(coveredUntil === undefined ? {} : { [NOTE.coveredUntil]: text(coveredUntil) }),
    });
  }
}
