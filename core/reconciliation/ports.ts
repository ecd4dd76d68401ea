import type { ReadPage } from '../rakuten/events';
import type { Item } from '../store/attributes';
import type { RowKey } from '../store/keys';
import type { Comparison } from './compare';

/** The rows of the transaction table, as far as a comparison needs them. */
export interface RowReader {
  /** The rows under these keys, in their order; undefined where there is none. A row that was written within the last second may be missing. */
  read(keys: readonly RowKey[]): Promise<(Item | undefined)[]>;
  /** The rows of one order that have no `etransaction_id`. */
  readUnnamed(orderKey: string): Promise<Item[]>;
  /** The rows with this `etransaction_id`, of whichever order, publisher and kind. */
  readNamed(etransactionId: string): Promise<Item[]>;
}

/** Puts messages into the queue that the consumer reads. Resolves when each of them is there. */
export type SendMessages = (messages: readonly string[]) => Promise<void>;

/** What a comparison of a window works with. */
export interface ComparisonPorts {
  readonly readPage: ReadPage;
  readonly rows: RowReader;
  /** Absent: nothing is sent (a dry run). */
  readonly send?: SendMessages;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Told of every line of a page that is not `same`. */
  readonly onComparison?: (comparison: Comparison) => void;
}
