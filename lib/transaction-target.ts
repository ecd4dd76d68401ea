import type * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { CfnPipe } from 'aws-cdk-lib/aws-pipes';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { TRANSACTION_EVENTS } from '../core/names';
import { allowSending } from './private/queues';

/** EventBridge and SQS take so many in one call; a pipe with a larger batch would send nothing. */
const ENTRIES_PER_CALL = 10;

/** What a pipe must know of a target. */
export interface TargetBinding {
  readonly arn: string;
  readonly parameters: CfnPipe.PipeTargetParametersProperty;
  readonly maxBatchSize: number;
  readonly defaultBatchSize: number;
  /** Whether one event that the target cannot deal with would be tried again for ever. */
  readonly mayRefuseOne: boolean;
}

/** Where the events of new and changed lines go. */
export class TransactionTarget {
  /**
   * Into a queue, each event a message of its own. To a FIFO queue they go in the order in which the lines changed, order by order (the message group); a standard queue keeps no
   * order and may hand one over twice.
   *
   * @param queue in the stack's account and region
   */
  public static queue(queue: sqs.IQueue): TransactionTarget {
    const fifo = { messageGroupId: '$.group', messageDeduplicationId: '$.eventID' };
    return new TransactionTarget((role) => allowSending(role, queue), {
      arn: queue.queueArn,
      parameters: queue.fifo ? { sqsQueueParameters: fifo } : {},
      maxBatchSize: ENTRIES_PER_CALL,
      defaultBatchSize: ENTRIES_PER_CALL,
      mayRefuseOne: false,
    });
  }

  /**
   * Onto an event bus, with the source `cdk-rakuten-postback` and the detail type `Rakuten Transaction`; rules of yours hand them on to as many readers as you like.
   *
   * @param bus in the stack's region
   */
  public static eventBus(bus: events.IEventBus): TransactionTarget {
    return new TransactionTarget((role) => grant(role, ['events:PutEvents'], bus.eventBusArn), {
      arn: bus.eventBusArn,
      parameters: {
        eventBridgeEventBusParameters: { source: TRANSACTION_EVENTS.source, detailType: TRANSACTION_EVENTS.detailType },
      },
      maxBatchSize: ENTRIES_PER_CALL,
      defaultBatchSize: ENTRIES_PER_CALL,
      mayRefuseOne: false,
    });
  }

  /**
   * To a function, which gets a list of events in the order in which the lines of each order changed. When it throws, the whole list comes again; when it
   * returns `{"batchItemFailures": [{"itemIdentifier": event.eventID}]}`, only what it names does.
   *
   * @param fn in the stack's account and region
   */
  public static function(fn: lambda.IFunction): TransactionTarget {
    return new TransactionTarget((role) => grant(role, ['lambda:InvokeFunction'], fn.functionArn), {
      arn: fn.functionArn,
      parameters: { lambdaFunctionParameters: { invocationType: 'REQUEST_RESPONSE' } },
      maxBatchSize: 100,
      defaultBatchSize: 10,
      mayRefuseOne: true,
    });
  }

  /**
   * To a state machine, one execution for each list of events (by default a list of one). Whether the execution succeeds is for the state machine to look after.
   *
   * @param stateMachine in the stack's account and region
   */
  public static stateMachine(stateMachine: sfn.IStateMachine): TransactionTarget {
    return new TransactionTarget((role) => grant(role, ['states:StartExecution'], stateMachine.stateMachineArn), {
      arn: stateMachine.stateMachineArn,
      parameters: { stepFunctionStateMachineParameters: { invocationType: 'FIRE_AND_FORGET' } },
      // Step Functions takes 262,144 characters as input, and a line with long texts makes an event of some 10,000.
      maxBatchSize: 20,
      defaultBatchSize: 1,
      mayRefuseOne: true,
    });
  }

  private constructor(
    private readonly allow: (role: iam.IRole) => void,
    private readonly binding: TargetBinding,
  ) {}

  /**
   * Lets a pipe's role send to the target, and says how.
   *
   * @internal
   */
  public _bind(role: iam.IRole): TargetBinding {
    this.allow(role);
    return this.binding;
  }
}

function grant(role: iam.IRole, actions: string[], resource: string): void {
  role.addToPrincipalPolicy(new iam.PolicyStatement({ actions, resources: [resource] }));
}
