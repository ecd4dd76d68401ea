import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { RECONCILIATION_KIND, STATE_KEYS } from '../store/publisher-state';
import type { NoteStore, ReconciliationNote, WrittenNote } from './note';

/** Attributes of a publisher's item. */
const NOTE = { coveredUntil: 'covered_until', succeededAt: 'succeeded_at', holder: 'lease_holder', heldUntil: 'lease_until' } as const;

/** Keeps notes in the state table, one item for each publisher. */
export class NoteTable implements NoteStore {
  constructor(
    private readonly client: Pick<DynamoDBClient, 'send'>,
    private readonly tableName: string,
  ) {}

  async read(sid: string): Promise<ReconciliationNote> {
    const { Item = {} } = await this.client.send(new GetItemCommand({ TableName: this.tableName, Key: key(sid), ConsistentRead: true }));
    const time = (name: string): number | undefined => (Item[name]?.S === undefined ? undefined : Date.parse(Item[name].S));
    return { coveredUntil: time(NOTE.coveredUntil), succeededAt: time(NOTE.succeededAt) };
  }

  async write(sid: string, { coveredUntil, succeededAt }: WrittenNote): Promise<void> {
    const values: Record<string, AttributeValue> = { ':succeeded': { S: new Date(succeededAt).toISOString() } };
    const names: Record<string, string> = { '#succeeded': NOTE.succeededAt };
    if (coveredUntil !== undefined) {
      values[':covered'] = { S: new Date(coveredUntil).toISOString() };
      names['#covered'] = NOTE.coveredUntil;
    }
    await this.client.send(
      new UpdateItemCommand({
        TableName: this.tableName,
        Key: key(sid),
        UpdateExpression: `SET #succeeded = :succeeded${coveredUntil === undefined ? '' : ', #covered = :covered'}`,
        ExpressionAttributeNames: names,
        ExpressionAttributeValues: values,
      }),
    );
  }

  takeLease(sid: string, holder: string, now: number, until: number): Promise<boolean> {
    return this.updateIf(sid, {
      UpdateExpression: 'SET #holder = :me, #until = :until',
      ConditionExpression: 'attribute_not_exists(#until) OR #until <= :now OR #holder = :me',
      ExpressionAttributeValues: { ':me': { S: holder }, ':until': { N: String(until) }, ':now': { N: String(now) } },
    });
  }

  async releaseLease(sid: string, holder: string): Promise<void> {
    await this.updateIf(sid, {
      UpdateExpression: 'REMOVE #holder, #until',
      ConditionExpression: '#holder = :me',
      ExpressionAttributeValues: { ':me': { S: holder } },
    });
  }

  private async updateIf(
    sid: string,
    update: { UpdateExpression: string; ConditionExpression: string; ExpressionAttributeValues: Record<string, AttributeValue> },
  ): Promise<boolean> {
    try {
      await this.client.send(
        new UpdateItemCommand({
          TableName: this.tableName,
          Key: key(sid),
          ExpressionAttributeNames: { '#holder': NOTE.holder, '#until': NOTE.heldUntil },
          ...update,
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }
}

const key = (sid: string): Record<string, AttributeValue> => ({
  [STATE_KEYS.partition]: { S: RECONCILIATION_KIND },
  [STATE_KEYS.sort]: { S: sid },
});
