import fc from 'fast-check';
import type { StreamRecord } from '../../core/change-events/event';
import { transactionEvent } from '../../core/change-events/event';
import type { EventFilter } from '../../core/change-events/event-filter';
import { matchesFilter } from '../../core/change-events/matches-filter';
import { type EventPattern, pipePatterns } from '../../core/change-events/pipe-patterns';
import type { Item } from '../../core/transactions/attributes';
import { matches } from './event-pattern';
import type { Ruler } from './ruler';
import { anyFilter, anyRecords, record } from './stream-records';

/** A pipe of a template. */
export interface Pipe {
  /** Stack and resource. */
  readonly where: string;
  readonly patterns: readonly EventPattern[];
  /** What the pipe's function sends. */
  readonly filter: EventFilter;
}

const HISTORIES = 1000;
const FILTERS = 100;
const SEED = 20260418;

/** Pipes that lose a record, and records on which our own matcher and the ruler disagree. */
export function pipeProblems(ruler: Ruler, ofTemplates: readonly Pipe[]): string[] {
  const generated = fc.sample(anyFilter, { numRuns: FILTERS, seed: SEED }).map((filter) => ({
    where: `the pipe of ${JSON.stringify(filter)}`,
    patterns: pipePatterns(filter),
    filter,
  }));
  const pipes = [...ofTemplates, ...generated];
  const records = fc.sample(anyTable, { numRuns: HISTORIES, seed: SEED }).flat();
  const matching = ruler(
    pipes.flatMap(({ patterns }) => patterns),
    records.map(asDelivered),
  );
  const events = records.map(transactionEvent);
  let first = 0;
  let wanted = 0;
  const problems = pipes.flatMap((pipe) => {
    const indexes = pipe.patterns.map((_, i) => first + i);
    first += indexes.length;
    return records.flatMap((one, i) => {
      const isPassed = indexes.some((index) => matching[i]?.includes(index));
      const event = events[i];
      const isWanted = event !== undefined && matchesFilter(pipe.filter, event);
      if (isWanted) wanted++;
      return problemOf(pipe, one, { isPassed, isWanted });
    });
  });
  console.log(
    `${pipes.length} pipes in Event Ruler, with ${records.length} records each: ${wanted} wanted records`,
  );
  return problems;
}

function problemOf(
  { where, patterns }: Pipe,
  one: StreamRecord,
  { isPassed, isWanted }: { isPassed: boolean; isWanted: boolean },
): string[] {
  if (isWanted && !isPassed) return [`${where} loses ${JSON.stringify(one)}`];
  if (patterns.some((pattern) => matches(pattern, one)) !== isPassed)
    return [
      `${where}: the matcher of the tests differs from Event Ruler for ${JSON.stringify(one)}`,
    ];
  return [];
}

const anyValue: fc.Arbitrary<Item[string]> = fc.oneof(
  fc.string({ unit: 'binary' }).map((S) => ({ S: S.toWellFormed() })),
  fc.integer().map((number) => ({ N: String(number) })),
);

/** Attributes that an application adds to rows. */
const anyAttributes: fc.Arbitrary<Item> = fc.dictionary(
  fc.stringMatching(/^app_[a-z]{1,4}$/),
  anyValue,
  { maxKeys: 3 },
);

/**
 * Everything that happens to a row: its line, attributes of an application before and after it, its
 * expiry.
 */
const anyTable: fc.Arbitrary<StreamRecord[]> = fc
  .tuple(anyRecords, anyAttributes, anyAttributes)
  .map(([records, early, late]) => {
    const images = records.flatMap(({ dynamodb }) =>
      dynamodb.NewImage === undefined ? [] : [dynamodb.NewImage],
    );
    const [row = {}, last = row] = [images[0], images.at(-1)];
    const begun: Item = { ...keysOf(row), ...early };
    return [
      ...records,
      record(undefined, begun),
      record(begun, { ...begun, ...row }),
      record(last, { ...last, ...late }),
      record(last, undefined),
    ];
  });

/** As a pipe receives a record. */
const asDelivered = ({ dynamodb, ...rest }: StreamRecord): object => ({
  ...rest,
  eventVersion: '1.1',
  eventSource: 'aws:dynamodb',
  awsRegion: 'us-east-1',
  dynamodb: {
    ...dynamodb,
    Keys: keysOf(dynamodb.NewImage ?? dynamodb.OldImage ?? {}),
    SizeBytes: 500,
    StreamViewType: 'NEW_AND_OLD_IMAGES',
  },
  eventSourceARN:
    'arn:aws:dynamodb:us-east-1:111122223333:table/transactions/stream/2026-01-01T00:00:00.000',
});

const keysOf = ({ line_id, is_event }: Item): Item => ({
  ...(line_id && { line_id }),
  ...(is_event && { is_event }),
});
