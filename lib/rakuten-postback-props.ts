import { Annotations, type Duration, Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { ArchiveOptions } from './archive';
import type { EndpointOptions } from './endpoint-options';
import type { PostbackFields } from './fields';
import type { ObservabilityOptions } from './monitoring/observability-options';
import { assertValid, rangeProblem, rejectProblems, urlProblem } from './private/checks';
import type { Publisher } from './publisher';
import type { ReconciliationOptions } from './reconciliation';
import type { StatusWatchOptions } from './status-watch';
import { checkTableOptions, type TableOptions } from './table-options';

/** Properties of RakutenPostback. */
export interface RakutenPostbackProps extends EndpointOptions, ObservabilityOptions, TableOptions {
  /** The publisher account whose postbacks are received. More are added with `addPublisher`. */
  readonly publisher: Publisher;

  /**
   * Which fields Rakuten sends, under which names.
   * @default PostbackFields.all()
   */
  readonly fields?: PostbackFields;

  /**
   * Base URL of Rakuten's API, for tests against something that stands in for it.
   * @default https://api.linksynergy.com
   */
  readonly rakutenApiUrl?: string;

  /**
   * How many invocations of the consumer may run at once, 2 to 1000. It bounds how many messages,
   * 50 each, wait for the table's busiest key: more than 200 for each of the `dayShards` gain
   * nothing on a day's upload, and synthesis warns.
   * @default 10
   */
  readonly maxConcurrency?: number;

  /**
   * Over how many keys a day's rows are spread in the day index, 1 to 100. One key takes 1,000
   * writes per second. Changing it later leaves the rows of before under their old keys.
   * @default 1
   */
  readonly dayShards?: number;

  /**
   * How the table is reconciled with Rakuten's Events API.
   * @default - hourly over the last 3 hours, daily and at first over the last 29 days
   */
  readonly reconciliation?: ReconciliationOptions;

  /**
   * How it is watched that Rakuten goes on sending.
   * @default - every 5 minutes: a postback that was switched off is enabled again, a missing one
   *   registered again, somebody else's URL is reported
   */
  readonly statusWatch?: StatusWatchOptions;

  /**
   * Keeps every raw message in S3 as it came, without the URL's secret: those that brought nothing
   * new and the forged ones too. `{}` for the defaults.
   * @default - raw messages are not kept beyond their rows
   */
  readonly archive?: ArchiveOptions;

  /**
   * How often a new secret is put into the registered URLs, 1 to 365 days. The one before is
   * accepted for another hour, and no postback is lost on the way.
   * @default - only on demand, by `npx cdk-rakuten-postback rotate-secret`
   */
  readonly rotateUrlSecretEvery?: Duration;
}

/** Rejects wrong values at synthesis. */
export function checkProps(scope: Construct, props: RakutenPostbackProps): void {
  // Programs in plain JavaScript, and those that tsx runs, get here with unchecked types.
  const { publisher }: Partial<RakutenPostbackProps> = props ?? {};
  assertValid(
    scope,
    publisher,
    "the publisher is missing; give publisher: { sid: '3900112', credentials: … }",
  );
  checkTableOptions(scope, props);
  rejectProblems(scope, [
    rangeProblem('maxConcurrency', props.maxConcurrency, 2, 1000),
    rangeProblem('dayShards', props.dayShards, 1, 100),
    urlProblem('endpointBaseUrl', props.endpointBaseUrl, true),
    urlProblem('rakutenApiUrl', props.rakutenApiUrl, false),
  ]);
  warnOnHotDayPartition(scope, props);
}

/**
 * Messages of so many invocations a day's key takes within ten seconds, when the consumer waits 17
 * or more.
 */
const INVOCATIONS_PER_SHARD = 200;
const MESSAGES_PER_INVOCATION = 50;
const WRITES_PER_SHARD = 1_000;

function warnOnHotDayPartition(
  scope: Construct,
  { maxConcurrency = 10, dayShards = 1 }: Partial<RakutenPostbackProps>,
): void {
  if (
    Token.isUnresolved(maxConcurrency) ||
    Token.isUnresolved(dayShards) ||
    maxConcurrency <= INVOCATIONS_PER_SHARD * dayShards
  )
    return;
  const messages = maxConcurrency * MESSAGES_PER_INVOCATION;
  const writes = dayShards * WRITES_PER_SHARD;
  Annotations.of(scope).addWarningV2(
    'cdk-rakuten-postback:crowdedDay',
    `maxConcurrency: ${maxConcurrency} lets ${messages} messages wait at once for the index of a day, which takes ${writes} a second with dayShards: ${dayShards}. In a large upload ` +
      `some would wait in vain, for ${Math.round(messages / writes)} seconds and more, and end in the dead-letter queue; none would be done sooner. ` +
      `Set dayShards to ${Math.ceil(maxConcurrency / INVOCATIONS_PER_SHARD)} or more, or maxConcurrency to ${INVOCATIONS_PER_SHARD * dayShards} or less.`,
  );
}
