import type { Item } from '../store/attributes';

/** A record of the transaction table's stream, as far as it is read. */
export interface StreamRecord {
  /** The record's id: another one for each change, the same whenever the change is delivered again. */
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
 * What a record says of a row; nothing when the row is gone. Throws when the stream leaves out what is needed to tell, as it would otherwise be taken for a new line.
 */
export function rowChange({ eventID, eventName, dynamodb }: StreamRecord): RowChange | undefined {
  if (eventName === 'REMOVE') return undefined;
  const { NewImage: after, OldImage: before } = dynamodb;
  if (after === undefined || (before === undefined && eventName === 'MODIFY')) {
    throw new Error(
      `the stream's record ${eventID} (${eventName}) shows the row ${after === undefined ? 'after' : 'before'} the change not at all: ` +
        "the table's stream must have the view type NEW_AND_OLD_IMAGES",
    );
  }
  return { before, after };
}
