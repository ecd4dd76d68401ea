import type { Item } from '../transactions/attributes';

/** A record of the transaction table's stream. */
export interface StreamRecord {
  /** Identifies the change. A repeated delivery has the same ID. */
  readonly eventID: string;
  /** `INSERT`, `MODIFY` or `REMOVE`. */
  readonly eventName: string;
  readonly dynamodb: {
    /** Seconds since 1970. */
    readonly ApproximateCreationDateTime?: number;
    readonly NewImage?: Item;
    readonly OldImage?: Item;
    readonly SequenceNumber: string;
  };
}

/** A row before and after a change. */
export interface RowChange {
  readonly before: Item | undefined;
  readonly after: Item;
}

/**
 * The row before and after the change; undefined for a deleted row.
 *
 * @throws when the stream omits an image: a changed line would look like a new one
 */
export function rowChange({ eventID, eventName, dynamodb }: StreamRecord): RowChange | undefined {
  if (eventName === 'REMOVE') return undefined;
  const { NewImage: after, OldImage: before } = dynamodb;
  if (after === undefined || (before === undefined && eventName === 'MODIFY')) {
    throw new Error(
      `The stream record ${eventID} (${eventName}) lacks the row ${after === undefined ? 'after' : 'before'} the change. ` +
        "Set the view type of the table's stream to NEW_AND_OLD_IMAGES.",
    );
  }
  return { before, after };
}
