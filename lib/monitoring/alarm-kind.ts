/** The alarms, each with a page of its own in the runbook (`docs/runbook`). */
export enum AlarmKind {
  /** The endpoint answered 5xx: each such answer is a line that Rakuten does not send again. */
  ENDPOINT_ERRORS = 'ENDPOINT_ERRORS',
  /**
   * The endpoint takes so long to acknowledge that Rakuten may give up. Threshold: milliseconds,
   * p99, without the network.
   */
  SLOW_ACKNOWLEDGEMENT = 'SLOW_ACKNOWLEDGEMENT',
  /** The status watch's own GET was not acknowledged. Threshold: GETs in 5 minutes. */
  PROBE_FAILED = 'PROBE_FAILED',
  /** No postback brought a line for a long time. Threshold: whole hours. */
  SILENCE = 'SILENCE',
  /** Messages wait in the queue instead of becoming rows. Threshold: seconds. */
  OLDEST_MESSAGE = 'OLDEST_MESSAGE',
  /** Messages that could not be processed wait for somebody. Threshold: messages. */
  DEAD_LETTERS = 'DEAD_LETTERS',
  /** Invocations of the consumer failed as a whole. Threshold: invocations in 5 minutes. */
  CONSUMER_ERRORS = 'CONSUMER_ERRORS',
  /** Lambda refused to run the consumer. Threshold: invocations in 5 minutes. */
  CONSUMER_THROTTLED = 'CONSUMER_THROTTLED',
  /** DynamoDB refused writes to the table. Threshold: writes in 5 minutes. */
  TABLE_THROTTLED = 'TABLE_THROTTLED',
  /** Rows were stored in which something could not be read. Threshold: rows in an hour. */
  PARSE_PROBLEMS = 'PARSE_PROBLEMS',
  /** Many GETs came without a valid secret. Threshold: GETs in an hour. */
  FORGED_POSTBACKS = 'FORGED_POSTBACKS',
  /** The postback is off, or missing, at Rakuten, and the status watch did not put it right. */
  POSTBACK_NOT_ACTIVE = 'POSTBACK_NOT_ACTIVE',
  /** Somebody else's URL stands in the publisher's slot. */
  POSTBACK_TAKEN_OVER = 'POSTBACK_TAKEN_OVER',
  /** The slot holds a URL of ours whose postbacks are lost: an old endpoint or secret. */
  POSTBACK_OUTDATED = 'POSTBACK_OUTDATED',
  /** The status watch puts the postback right again and again. */
  POSTBACK_FLAPPING = 'POSTBACK_FLAPPING',
  /** The status watch does not run, or ends in an error each time. */
  STATUS_WATCH_BLIND = 'STATUS_WATCH_BLIND',
  /**
   * The status watch cannot look at a publisher's slot. Threshold: failed looks between two
   * schedules.
   */
  STATUS_CHECK_FAILED = 'STATUS_CHECK_FAILED',
  /**
   * The status watch cannot send its change events, reconciliation requests or probes. Threshold:
   * failed tasks between two schedules.
   */
  WATCH_TASK_FAILED = 'WATCH_TASK_FAILED',
  /**
   * Postbacks are lost: the Events API returns lines that none delivered. Threshold: percent that
   * must arrive by postback.
   */
  PUSHES_LOST = 'PUSHES_LOST',
  /** No reconciliation has succeeded for hours, or none runs. Threshold: hours. */
  RECONCILIATION_STALE = 'RECONCILIATION_STALE',
  /** Reconciliations fail. Threshold: failed runs in an hour. */
  RECONCILIATION_FAILED = 'RECONCILIATION_FAILED',
  /** Confirmed lines that postbacks delivered are missing from the Events API. Threshold: rows. */
  LINES_UNVERIFIED = 'LINES_UNVERIFIED',
  /** A reconciliation would have changed too many verified lines, and changed none. */
  BRAKE = 'BRAKE',
  /** The Events API returned a checked field that cannot be read. Threshold: answers in an hour. */
  UNREADABLE_ANSWERS = 'UNREADABLE_ANSWERS',
  /**
   * The Events API returned a known ID with another advertiser, order or SKU. Threshold: answers in
   * an hour.
   */
  REUSED_IDS = 'REUSED_IDS',
  /**
   * A target of `onTransaction` fails, and its events wait. One for each pipe. Threshold: failed
   * executions of the pipe in 5 minutes.
   */
  TARGET_FAILING = 'TARGET_FAILING',
  /**
   * A target of `onTransaction` did not take events for as long as its pipe tries. One for each
   * pipe. Threshold: notes in the pipe's dead-letter queue.
   */
  EVENTS_GIVEN_UP = 'EVENTS_GIVEN_UP',
  /**
   * The function that registers and rotates ended in an error. Only where `rotateUrlSecretEvery` is
   * set.
   */
  ROTATION_FAILED = 'ROTATION_FAILED',
  /** A PostbackRelay does not forward its messages. Only on a PostbackRelay. Threshold: seconds. */
  RELAY_STALLED = 'RELAY_STALLED',
}

/** How soon somebody should look. */
export enum AlarmSeverity {
  /**
   * At once: postbacks are being lost, or rows are not being written, and nothing here can mend it
   * alone.
   */
  PAGE = 'PAGE',
  /** On the next working day: nothing is lost yet, or it comes back by itself. */
  TICKET = 'TICKET',
}
