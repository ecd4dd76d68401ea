import type { Duration } from 'aws-cdk-lib';
import type * as apigateway from 'aws-cdk-lib/aws-apigateway';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { BundledFunction } from '../private/bundled-function';

/** What there is to be monitored. What is off is absent, and with it its alarms and graphs. */
export interface MonitoredParts {
  /**
   * Absent where the endpoint is mounted on an API of somebody else's: the metrics of that one
   * count all that it does.
   */
  readonly api?: apigateway.RestApiBase;
  readonly endpointUrl: string;
  readonly queue: sqs.IQueue;
  readonly deadLetterQueue: sqs.IQueue;
  readonly consumer: BundledFunction;
  readonly registration: BundledFunction;
  /** Whether the function of the registration rotates the secret on a schedule. */
  readonly rotates: boolean;
  readonly stateTableName: string;
  /** Absent where the table was passed in: what others do with it is in its metrics too. */
  readonly tableName?: string;
  readonly reconciliation?: MonitoredReconciliation;
  readonly statusWatch?: MonitoredStatusWatch;
  /** The ways to the targets of `onTransaction`. They are added when all else is made. */
  readonly pipes: readonly MonitoredPipe[];
}

export interface MonitoredReconciliation {
  readonly function: BundledFunction;
  /** Whether there is a publisher whose lines are compared. */
  readonly hasPublisher: boolean;
}

export interface MonitoredStatusWatch {
  readonly function: BundledFunction;
  /** In which there is at least one look, by and large: an alarm's period. */
  readonly period: Duration;
  readonly selfProbe: boolean;
}

/** The way to a target of `onTransaction`. */
export interface MonitoredPipe {
  /** As the user named it: `Ledger`. */
  readonly name: string;
  /** The pipe. Its alarms are in its stack. */
  readonly construct: Construct;
  readonly pipeName: string;
  readonly deadLetterQueueName: string;
}
