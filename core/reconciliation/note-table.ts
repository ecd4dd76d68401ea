import { type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { LeaseTable } from '../state/lease-table';
import { RECONCILIATION_KIND } from '../state/publisher-state';
import type { NoteStore, ReconciliationNote, WrittenNote } from './note';

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
    const time = (name: string): number | undefined => (Item[name]?.S === undefined ? undefined : Date.parse(Item[name].S));
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
