/**
 * Every name that a construct and a handler (or a handler and a program that reads its work) must
 * agree on, once. A name that is written twice drifts: the metric that is emitted is then not the
 * metric that is alarmed.
 */

/** Parameters of the registered URL that are ours, not Rakuten's. */
export const URL_PARAMETERS = {
  /** The generated secret that tells Rakuten's postbacks from forged ones. */
  secret: 'k',
  /**
   * Which field list the URL was registered with (see `fieldListId`), so that a postback in flight
   * is read rightly after a change.
   */
  fieldList: 'f',
  /**
   * Marks a test GET of the self-test or the status watch. Its value identifies the probe; it is
   * never stored as a row.
   */
  probe: 'probe',
} as const;

/**
 * Attributes of a row that are not Rakuten's fields (those keep Rakuten's names, see
 * `core/rakuten/postback/fields.ts`). docs/rows.md describes them.
 */
export const ATTRIBUTES = {
  /** Partition key: `<sid>#<etransaction_id>`. */
  lineId: 'line_id',
  /** Sort key: `Y`, `N`, or `-` where it is missing or unreadable. */
  isEvent: 'is_event',
  /**
   * UTC day of the Events API's `process_date`, of `received_at` until it answers. Sharded:
   * `day#shard`.
   */
  processDay: 'process_day',
  /** When the order was placed: `transaction_date`, else `process_date`, else `received_at`. */
  occurredAt: 'occurred_at',
  /** When the line first arrived: by a postback, or from the Events API. */
  receivedAt: 'received_at',
  /** When the row last changed what it shows, creation included. The writer's clock. */
  updatedAt: 'updated_at',
  /** `push`, or `events-api` when no postback has delivered the line. */
  source: 'source',
  /**
   * API Gateway's extended request ID of the first postback; without one the run that first
   * returned the line.
   */
  requestId: 'request_id',
  /** Normalised query string of the first postback, without our secret. Never verified. */
  query: 'query',
  /**
   * Static values and parameters of the first postback that Rakuten does not document. Never
   * verified.
   */
  extra: 'extra',
  /** Fields of an Events API record that Rakuten does not document. */
  eventsApiExtra: 'events_api_extra',
  /** What could not be read, in words. Absent on a clean row. */
  parseProblems: 'parse_problems',
  /** Since when the Events API has returned the checked fields as the row shows them. */
  verifiedAt: 'verified_at',
  /** When complete reads of the Events API had lacked a verified line for long enough. */
  withdrawnAt: 'withdrawn_at',
  /** Checked fields in which a postback differs from the Events API's answer. */
  differingFields: 'differing_fields',
  /**
   * True where the `u1` shown comes from the first postback, because the Events API returned none.
   */
  u1FromPostback: 'u1_from_postback',
  /** True where the Events API returned a member that `forget` removed. */
  memberForgotten: 'member_forgotten',
  /** Fingerprint of the Events API's latest answer. Absent until it answers. */
  answerHash: 'answer_hash',
  /** When that answer was fetched, where that is not `verified_at`. */
  answeredAt: 'answered_at',
  /** When the Events API first answered, where that is not the time of the latest answer. */
  firstAnsweredAt: 'first_answered_at',
  /**
   * Since when the checked fields are unchanged, where neither `verified_at` nor `answered_at` says
   * it.
   */
  checkedSince: 'checked_since',
  /** The last answers that newer ones replaced, each with the values that changed. */
  replacedAnswers: 'replaced_answers',
  /** What the first postback said, where it differs from the Events API's answer. */
  firstPush: 'first_push',
  /** The earliest other postbacks with different content. */
  otherPushes: 'other_pushes',
  /** True where there were more of them than the row keeps. */
  morePushes: 'more_pushes',
  /** Fingerprint of all attributes that this package writes: the condition of an update. */
  revision: 'revision',
  /**
   * Seconds since 1970 after which DynamoDB may delete the row, with `rowExpiry` or, of an event,
   * `preliminaryExpiry`.
   */
  expiresAt: 'expires_at',
} as const;

/** Indexes of the transaction table. */
export const INDEXES = {
  byOrder: 'by-order',
  byMember: 'by-member',
  byDay: 'by-day',
} as const;

/** Where a line came from. */
export const SOURCES = { push: 'push', eventsApi: 'events-api' } as const;

/** Environment variables of the functions. */
export const ENVIRONMENT = {
  tableName: 'TRANSACTION_TABLE_NAME',
  stateTableName: 'STATE_TABLE_NAME',
  dayShards: 'DAY_SHARDS',
  /** `true`: a `u1` that only the first postback carried counts as verified. */
  memberFromPostback: 'MEMBER_FROM_POSTBACK',
  /** For how many seconds preliminary lines are kept. Not set: for ever. */
  preliminaryExpiry: 'PRELIMINARY_EXPIRY_SECONDS',
  /** For how many seconds any line is kept. Not set: for ever. */
  rowExpiry: 'ROW_EXPIRY_SECONDS',
  metricsNamespace: 'METRICS_NAMESPACE',
  metricsService: 'METRICS_SERVICE',
  queueUrl: 'POSTBACK_QUEUE_URL',
  /** In which region that queue is, for the relay, which is in another. */
  queueRegion: 'POSTBACK_QUEUE_REGION',
  /** `true` where log lines are to carry what a postback said. */
  logPayloads: 'LOG_PAYLOADS',
  /** Base URL of Rakuten's API. Credentials are sent to no other. */
  rakutenApiUrl: 'RAKUTEN_API_URL',
  /** URL of the endpoint: no other is registered or gets the URL secret. Not set: any. */
  endpointUrl: 'ENDPOINT_URL',
  /** How the reconciliation is set, as JSON (see `ReconciliationSettings`). */
  reconciliation: 'RECONCILIATION_SETTINGS',
  /** How the status watch is set, as JSON (see `WatchSettings`). */
  statusWatch: 'STATUS_WATCH_SETTINGS',
  /** Name of the delivery stream that archives raw messages. */
  archiveStreamName: 'ARCHIVE_STREAM_NAME',
  /** Which events a target of `onTransaction` wants, as JSON (see `EventFilter`). */
  transactionFilter: 'TRANSACTION_FILTER',
} as const;

/** CloudWatch metrics of our own. The dimension `service` is the construct's unique name. */
export const METRICS_NAMESPACE = 'RakutenPostback';
export const METRICS = {
  /** Postbacks that became a new row. */
  stored: 'LinesStored',
  /** Postbacks that brought nothing new. */
  duplicate: 'DuplicatesAbsorbed',
  /**
   * Postbacks that arrived before the first one known, as after a redrive, or first for a line that
   * the Events API delivered.
   */
  changed: 'LinesChanged',
  /** Later postbacks with other content for a known line. They change nothing that a row shows. */
  otherPushes: 'OtherPushesKept',
  /**
   * Rows that got a postback which differs from the Events API in an amount, the currency or `u1`.
   */
  differingPushes: 'PushesDiffering',
  /**
   * Postbacks whose `sid` is not the publisher of the URL secret. The row belongs to that
   * publisher.
   */
  foreignSid: 'ForeignSids',
  /** Deliveries without a valid secret; not stored. */
  forged: 'ForgedRejected',
  /** GETs that carry no postback at all: a bare hit, an uptime check. */
  notAPostback: 'NotAPostback',
  /** Rows written with a `parse_problems` list. */
  parseProblems: 'ParseProblems',
  /**
   * Messages that could not be processed; each is tried again and ends in the dead-letter queue.
   */
  failed: 'MessagesFailed',
  /** Self-test and watch probes seen by the consumer. */
  probes: 'ProbesSeen',
  /** Lines that a postback brought first. */
  deliveredByPush: 'LinesDeliveredByPush',
  /** Lines that no postback brought: the reconciliation fetched them. */
  recovered: 'LinesRecovered',
  /** Lines from before the installation: the first reconciliation fetched them. */
  backfilled: 'LinesBackfilled',
  /** Lines that a postback delivered and the Events API then returned. */
  verified: 'LinesVerified',
  /** Verified lines whose checked values a newer answer of the Events API replaced. */
  corrected: 'LinesCorrected',
  /**
   * Verified lines that complete reads of the Events API lacked: the advertiser eliminated them.
   */
  withdrawn: 'LinesWithdrawn',
  /** Runs that changed no verified line, as they would have changed too many of them. */
  brake: 'ReconciliationsBraked',
  /** Answers with an unreadable checked field. They verify nothing. */
  unreadableAnswers: 'UnreadableAnswers',
  /** Answers with another advertiser, order or SKU than the line had: Rakuten reused an ID. */
  reusedIds: 'ReusedIds',
  /**
   * Gauge: confirmed lines (`N`) that a postback delivered hours ago and the Events API does not
   * return.
   */
  unverified: 'LinesUnverified',
  /** Gauge: the same for events (`Y`), which the Events API may not keep. */
  unverifiedEvents: 'EventsUnverified',
  /**
   * Lines that a reconciliation read from the Events API, those included that were compared before.
   */
  reconciled: 'LinesReconciled',
  /**
   * Percent of the lines which a reconciliation met for the first time that a postback had brought.
   * Nothing in a run without such lines.
   */
  deliveryRate: 'DeliveryRate',
  /** Gauge: hours since a reconciliation last succeeded; 0 when one has just done so. */
  reconciliationAge: 'HoursSinceReconciliation',
  /** Reconciliations that failed. The next one covers their time too. */
  reconciliationFailed: 'ReconciliationsFailed',
  /** Gauge: how much of the first reconciliation is done, in percent. */
  backfillProgress: 'BackfillProgress',
  /**
   * Gauge, one value per publisher and status check: 1 where the postback is on at Rakuten, 0 where
   * it is not. No value from a check that failed.
   */
  active: 'PostbackActive',
  /** Status checks that found the postback switched off. */
  disabled: 'PostbackDisabled',
  /** Status checks that found no postback. */
  missing: 'PostbackMissing',
  /** Status checks that found a URL of somebody else. */
  takenOver: 'PostbackTakenOver',
  /**
   * Status checks that found a URL of ours whose postbacks are not received any more: an old
   * endpoint or secret.
   */
  outdated: 'PostbackOutdated',
  /** Status checks of a postback that the watch had to restore again and again. */
  flapping: 'PostbackFlapping',
  /** Postbacks that the watch enabled or registered again. */
  restored: 'PostbackRestored',
  /** Status checks that could not be made. */
  statusCheckFailed: 'StatusCheckFailed',
  /**
   * Failed tasks of the status watch, its checks apart: a change event, a reconciliation request, a
   * probe.
   */
  watchTaskFailed: 'WatchTasksFailed',
  /**
   * Milliseconds until the endpoint acknowledged the status watch's own GET, on a new connection.
   */
  probeLatency: 'ProbeLatency',
  /** GETs of the status watch that the endpoint did not acknowledge. */
  probeFailed: 'ProbeFailed',
} as const;

/**
 * What the status watch says on the account's default event bus. No event holds a secret, or a URL
 * of somebody else beyond its host.
 */
export const WATCH_EVENTS = {
  source: 'cdk-rakuten-postback',
  detailTypes: {
    disabled: 'Rakuten Postback Disabled',
    missing: 'Rakuten Postback Missing',
    takenOver: 'Rakuten Postback Taken Over',
    outdated: 'Rakuten Postback Outdated',
    restored: 'Rakuten Postback Restored',
    flapping: 'Rakuten Postback Flapping',
    unknown: 'Rakuten Postback Status Unknown',
  },
} as const;

/** What `onTransaction` sends for each line that is new or changed. */
export const TRANSACTION_EVENTS = {
  source: 'cdk-rakuten-postback',
  detailType: 'Rakuten Transaction',
  /**
   * Of the event's format: another one when a reader of this one would misunderstand it. What is
   * added is not another version.
   */
  version: '1',
} as const;

/**
 * Properties of the registration custom resource, as CloudFormation delivers them (every scalar
 * arrives as a string).
 */
export const REGISTRATION_PROPERTIES = {
  /** Version of this property format; bump it when the meaning of a property changes. */
  formatVersion: 'FormatVersion',
  sid: 'Sid',
  /** ARN of the secret with Rakuten's API credentials. */
  credentialsSecretArn: 'CredentialsSecretArn',
  /** ARN of the secret whose value goes into the registered URL. */
  urlSecretArn: 'UrlSecretArn',
  /** The live endpoint, without a query string. */
  endpointUrl: 'EndpointUrl',
  /** The field list as JSON (see `FieldList`). */
  fieldList: 'FieldList',
  enabled: 'Enabled',
  existingPostback: 'ExistingPostback',
  onRemoval: 'OnRemoval',
  rakutenApiUrl: 'RakutenApiUrl',
  selfTest: 'SelfTest',
  acknowledgementLimitMillis: 'AcknowledgementLimitMillis',
} as const;

/**
 * Attributes of the registration resource that a template may read with `Fn::GetAtt`. Nothing of
 * Rakuten's answer, nothing secret.
 */
export const REGISTRATION_ATTRIBUTES = {
  status: 'Status',
  selfTestP50Millis: 'SelfTestP50Millis',
  selfTestMaxMillis: 'SelfTestMaxMillis',
} as const;

export const REGISTRATION_RESOURCE_TYPE = 'Custom::RakutenPostbackRegistration';

/** Checks credentials and slot before the table is created. Changes nothing. */
export const PRECHECK_RESOURCE_TYPE = 'Custom::RakutenPostbackPrecheck';

/** With what its physical id begins; the SID follows. */
export const REGISTRATION_ID_PREFIX = 'rakuten-postback-';

/**
 * Last part of the logical ID of an output: URL of the dead-letter queue of a pipe in another
 * stack.
 */
export const DISCARDED_EVENTS_OUTPUT = 'DiscardedEvents';
