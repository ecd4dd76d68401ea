import type { Archive } from '../archive/archive-record';
import type { ReadPage } from '../rakuten/events-api/events';
import type { Item } from '../transactions/attributes';
import type { RowKey } from '../transactions/keys';
import type { RowStore } from '../transactions/row-store';
import type { ForgottenSource } from '../transactions/without-member';
import type { DayIndex } from './day-index';
import type { MissingLines } from './missing-lines';

/** Rows of the transaction table. */
export interface RowReader {
  /**
   * The rows under these keys, in their order; undefined where there is none. Eventually
   * consistent.
   */
  read(keys: readonly RowKey[]): Promise<(Item | undefined)[]>;
}

/** What a run works with. */
export interface RunPorts {
  readonly readPage: ReadPage;
  readonly rows: RowReader;
  readonly dayIndex: DayIndex;
  readonly store: Pick<RowStore, 'applyAnswer' | 'withdraw'>;
  readonly missingLines: MissingLines;
  /** Members to leave out of rows and archive. @default - nobody was forgotten */
  readonly forgotten?: ForgottenSource;
  /** @default - what the run writes is not archived */
  readonly archive?: Archive;
  readonly clock: {
    readonly now: () => number;
    readonly pause: (millis: number) => Promise<unknown>;
  };
}
