/**
 * Every name that a construct and a handler (or a handler and a program that reads its work) must agree on, once.
 * A name that is written twice drifts: the metric that is emitted is then not the metric that is alarmed.
 */

/** Parameters of the registered URL that are ours, not Rakuten's. */
export const URL_PARAMETERS = {
  /** The generated secret that tells Rakuten's postbacks from forged ones. */
  secret: 'k',
  /** Which field list the URL was registered with (see `fieldListId`), so that a postback in flight is read rightly after a change. */
  fieldList: 'f',
  /** Marks a test GET of the self-test or the status watch. Its value identifies the probe; it is never stored as a row. */
  probe: 'probe',
} as const;

/** Attributes of a row that are not Rakuten's fields (those keep Rakuten's names, see `core/rakuten/fields.ts`). */
export const ATTRIBUTES = {
  /** Partition key: `<sid>#<advertiser_id>#<order_id>`. */
  orderKey: 'order_key',
  /** Sort key: `<etransaction_id>#<is_event>`. */
  lineKey: 'line_key',
  /** UTC day of `process_date` (of `received_at` where that is missing), with `#<shard>` behind it when the day index is sharded. */
  processDay: 'process_day',
  /** When the order was placed: `transaction_date`, else `process_date`, else `received_at`. Always there, so no row is missing from the member index. */
  occurredAt: 'occurred_at',
  /** When the first delivery of this line reached the endpoint (or was fetched from the Events API). */
  receivedAt: 'received_at',
  /** How the line came: `push`, or `events-api` when no push ever brought it. */
  source: 'source',
  /** API Gateway's extended request id of the GET that brought the content shown; follows the line through the logs. */
  requestId: 'request_id',
  /** The normalised query string as API Gateway handed it over, without our secret. */
  query: 'query',
  /** Static values and parameters Rakuten does not document, as they came. */
  extra: 'extra',
  /** What could not be read, in words. Absent on a clean row. */
  parseProblems: 'parse_problems',
  /** When the Events API first told the line. Absent until then, and while it tells other amounts, another currency or another member than the row shows. */
  verifiedAt: 'verified_at',
  /** Stands in place of `verified_at` on a line whose amounts, currency or member the Events API tells otherwise than the row shows them. */
  contradictedAt: 'contradicted_at',
  /** What the Events API told of these fields, where it is not what the row shows: a list of values, empty when it left the field out. */
  toldOtherwise: 'events_api_told',
  /** When the delivery whose content is shown came, where that is not `received_at`: Rakuten changed the line. */
  updatedAt: 'updated_at',
  /** Deliveries whose values were replaced by newer ones, oldest first, each with the values it had. Absent when there were none. */
  previousVersions: 'previous_versions',
  /** Deliveries that added fields which the one shown did not have. Absent when there were none. */
  completedBy: 'completed_by',
  /** Changes whenever a list or a map of the row does, so that a writer can tell whether another was there in between. Absent on a row without any. */
  revision: 'revision',
  /** Seconds since 1970 after which DynamoDB may delete the row. Only on preliminary lines, and only where `preliminaryExpiry` is set. */
  expiresAt: 'expires_at',
} as const;

/** Indexes of the transaction table. */
export const INDEXES = {
  byMember: 'by-member',
  byDay: 'by-day',
  byTransaction: 'by-transaction',
} as const;

/** Where a line came from. */
export const SOURCES = { push: 'push', eventsApi: 'events-api' } as const;

/** Environment variables of the functions. */
export const ENVIRONMENT = {
  tableName: 'TRANSACTION_TABLE_NAME',
  stateTableName: 'STATE_TABLE_NAME',
  dayShards: 'DAY_SHARDS',
  /** For how many seconds preliminary lines are kept. Not set: for ever. */
  preliminaryExpiry: 'PRELIMINARY_EXPIRY_SECONDS',
  metricsNamespace: 'METRICS_NAMESPACE',
  metricsService: 'METRICS_SERVICE',
  queueUrl: 'POSTBACK_QUEUE_URL',
  /** In which region that queue is, for the relay, which is in another. */
  queueRegion: 'POSTBACK_QUEUE_REGION',
  /** `true` where log lines are to carry what a postback said. */
  logPayloads: 'LOG_PAYLOADS',
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
  /** Lines that became a new row. */
  stored: 'LinesStored',
  /** Deliveries that brought nothing new. */
  duplicate: 'DuplicatesAbsorbed',
  /** Deliveries that brought other content under a known key; both are kept. */
  changed: 'LinesChanged',
  /** Deliveries without a valid secret; not stored. */
  forged: 'ForgedRejected',
  /** GETs that carry no postback at all: a bare hit, an uptime check. */
  notAPostback: 'NotAPostback',
  /** Rows written with a `parse_problems` list. */
  parseProblems: 'ParseProblems',
  /** Deliveries that confirmed or completed a row without changing it (the Events API, an earlier arrival). */
  completed: 'LinesCompleted',
  /** Messages that could not be processed; each is tried again and ends in the dead-letter queue. */
  failed: 'MessagesFailed',
  /** Self-test and watch probes seen by the consumer. */
  probes: 'ProbesSeen',
  /** Lines that a postback brought first. */
  deliveredByPush: 'LinesDeliveredByPush',
  /** Lines that no postback brought: the reconciliation fetched them. */
  recovered: 'LinesRecovered',
  /** Lines from before the installation: the first reconciliation fetched them. */
  backfilled: 'LinesBackfilled',
  /** Lines that a postback brought and the Events API then told too. */
  verified: 'LinesVerified',
  /** Gauge: lines that a postback brought hours ago and the Events API does not tell: forged, or eliminated by the advertiser. */
  unverified: 'LinesUnverified',
  /** Lines that a reconciliation read from the Events API, those included that were compared before. */
  reconciled: 'LinesReconciled',
  /** Percent of the lines which a reconciliation met for the first time that a postback had brought. Nothing in a run without such lines. */
  deliveryRate: 'DeliveryRate',
  /** Gauge: hours since a reconciliation last succeeded; 0 when one has just done so. */
  reconciliationAge: 'HoursSinceReconciliation',
  /** Reconciliations that failed. The next one covers their time too. */
  reconciliationFailed: 'ReconciliationsFailed',
  /** Gauge: how much of the first reconciliation is done, in percent. */
  backfillProgress: 'BackfillProgress',
  /** Gauge, one value per publisher and status check: 1 where the postback is on at Rakuten, 0 where it is not. No value from a check that failed. */
  active: 'PostbackActive',
  /** Status checks that found the postback switched off. */
  disabled: 'PostbackDisabled',
  /** Status checks that found no postback. */
  missing: 'PostbackMissing',
  /** Status checks that found a URL of somebody else. */
  takenOver: 'PostbackTakenOver',
  /** Status checks that found a URL of ours whose postbacks are not received any more: an old endpoint or secret. */
  outdated: 'PostbackOutdated',
  /** Status checks of a postback that the watch had to restore again and again. */
  flapping: 'PostbackFlapping',
  /** Postbacks that the watch enabled or registered again. */
  restored: 'PostbackRestored',
  /** Status checks that could not be made. */
  statusCheckFailed: 'StatusCheckFailed',
  /** Milliseconds until the endpoint acknowledged the status watch's own GET, on a new connection. */
  probeLatency: 'ProbeLatency',
  /** GETs of the status watch that the endpoint did not acknowledge. */
  probeFailed: 'ProbeFailed',
} as const;

/** What the status watch says on the account's default event bus. No event holds a secret, or a URL of somebody else beyond its host. */
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
  /** Of the event's format: another one when a reader of this one would misunderstand it. What is added is not another version. */
  version: '1',
} as const;

/** Properties of the registration custom resource, as CloudFormation delivers them (every scalar arrives as a string). */
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

/** Attributes of the registration resource that a template may read with `Fn::GetAtt`. Nothing of Rakuten's answer, nothing secret. */
export const REGISTRATION_ATTRIBUTES = {
  status: 'Status',
  selfTestP50Millis: 'SelfTestP50Millis',
  selfTestMaxMillis: 'SelfTestMaxMillis',
} as const;

export const REGISTRATION_RESOURCE_TYPE = 'Custom::RakutenPostbackRegistration';

/** With what its physical id begins; the SID follows. */
export const REGISTRATION_ID_PREFIX = 'rakuten-postback-';
