import { Duration, Names, Stack, Token } from 'aws-cdk-lib';
import type * as apigateway from 'aws-cdk-lib/aws-apigateway';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { ENVIRONMENT } from '../core/names';
import type { EndpointOptions } from './endpoint-options';
import { IngestionApi } from './ingestion-api';
import { optionProblems } from './monitoring/alarm-options';
import { Alarms } from './monitoring/alarms';
import { RELAY_ALARMS } from './monitoring/alarms/relay';
import { EndpointMetrics } from './monitoring/endpoint-metrics';
import type { MonitoringOptions } from './monitoring/options';
import { BundledFunction } from './private/bundled-function';
import { type Problem, rejectProblems } from './private/checks';
import { checkLocation } from './private/location';
import { allowSending, processMessages } from './private/queues';

/** As many as one call to SQS can hand on. */
const BATCH_SIZE = 10;
const TIMEOUT = Duration.seconds(30);
/** SQS's maximum: so long may the other region be away. */
const RETENTION = Duration.days(14);
/** No storm of invocations at the queue of the other region, when it comes back after hours. */
const MAX_CONCURRENCY = 10;

/** Properties of PostbackRelay. */
export interface PostbackRelayProps extends EndpointOptions {
  /**
   * The queue of the RakutenPostback, in another region of the same account: `postback.queue` where
   * both stacks have `crossRegionReferences`, or `Queue.fromQueueArn`.
   */
  readonly queue: sqs.IQueue;

  /**
   * How long the logs of the function are kept, and the access logs.
   * @default logs.RetentionDays.THREE_MONTHS
   */
  readonly logRetention?: logs.RetentionDays;

  /**
   * The alarms of the relay, and their actions: `RELAY_STALLED`, `ENDPOINT_ERRORS`,
   * `SLOW_ACKNOWLEDGEMENT`.
   *
   * An action must be in the region of the relay. A relay has no dashboard and no saved queries.
   * @default - all of them; the alarms notify nobody until they are given actions
   */
  readonly monitoring?: MonitoringOptions;
}

/**
 * The same endpoint once more, in another region: it takes postbacks for a RakutenPostback and
 * hands each on to its queue. Rows are written in one region only, so every promise about them
 * holds, whichever endpoint a line came through. While the other region is away, lines wait here,
 * for up to 14 days.
 *
 * Give both the same `domain` with `latencyRouting`. Only the RakutenPostback talks to Rakuten.
 */
export class PostbackRelay extends Construct {
  /** The REST API of the endpoint. */
  public readonly api: apigateway.RestApiBase;
  /**
   * URL of the endpoint, without the secret and the fields: with a `domain`, the same as that of
   * the RakutenPostback.
   */
  public readonly endpointUrl: string;
  /** Where lines wait until they are handed on. */
  public readonly queue: sqs.Queue;
  /** The function that forwards them. */
  public readonly relayFunction: lambda.Function;
  /** The alarms of the relay. */
  public readonly alarms: cloudwatch.Alarm[];

  constructor(scope: Construct, id: string, props: PostbackRelayProps) {
    super(scope, id);
    rejectProblems(this, [queueProblem(this, props.queue)]);
    const { queueArn: arn, env } = props.queue;
    const permission = 'its policy has to allow the role of the relay sqs:SendMessage';
    checkLocation(
      this,
      { name: 'the queue', arn, env },
      { usedBy: 'the relay', anyRegion: true, permission },
    );
    // Without a dead-letter queue: nothing here reads a message, so none can be to blame for that
    // it was not handed on.
    this.queue = new sqs.Queue(this, 'Queue', {
      retentionPeriod: RETENTION,
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      visibilityTimeout: Duration.seconds(6 * TIMEOUT.toSeconds()),
    });
    const ingestion = new IngestionApi(this, 'IngestionApi', { ...props, queue: this.queue });
    this.api = ingestion.restApi;
    this.endpointUrl = ingestion.endpointUrl;
    const service = Names.uniqueResourceName(this, { maxLength: 128, separator: '-' });
    this.relayFunction = this.relay(props, service);
    this.alarms = this.monitor(props, service);
  }

  private monitor(
    { monitoring = {}, existingApi }: PostbackRelayProps,
    installation: string,
  ): cloudwatch.Alarm[] {
    rejectProblems(this, optionProblems(monitoring));
    if (monitoring.enabled === false) return [];
    const alarms = new Alarms(this, 'Alarms', {
      installation,
      catalogue: RELAY_ALARMS,
      options: monitoring,
    });
    const endpoint = existingApi === undefined ? new EndpointMetrics(this.api) : undefined;
    alarms.make({ endpoint, relayQueue: this.queue });
    return alarms.all;
  }

  private relay({ queue, logRetention }: PostbackRelayProps, service: string): lambda.Function {
    const relay = new BundledFunction(this, 'Function', {
      bundle: 'relay',
      description: 'Hands Rakuten postbacks on to the queue of another region',
      timeout: TIMEOUT,
      environment: {
        [ENVIRONMENT.queueUrl]: queue.queueUrl,
        [ENVIRONMENT.queueRegion]: queue.env.region,
        [ENVIRONMENT.metricsService]: service,
      },
      logRetention,
    });
    allowSending(relay, queue);
    processMessages(relay, this.queue, { batchSize: BATCH_SIZE, maxConcurrency: MAX_CONCURRENCY });
    return relay;
  }
}

function queueProblem(scope: Construct, queue: sqs.IQueue): Problem {
  const [there, here] = [queue.env.region, Stack.of(scope).region];
  if (Token.isUnresolved(there)) {
    return 'the region of the queue is not known; give its stack one (env), or import it with Queue.fromQueueArn and the whole ARN';
  }
  if (there === here) {
    return `the queue is in ${there}, as the relay is, and a RakutenPostback has its endpoint there; put the relay into a stack of another region`;
  }
  return undefined;
}
