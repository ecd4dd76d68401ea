import type { ResourceEnvironment } from 'aws-cdk-lib';
import type * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { CfnPipe } from 'aws-cdk-lib/aws-pipes';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { TRANSACTION_EVENTS } from '../core/names';
import { allowSending } from './private/queues';

/** Limit of EventBridge and SQS. A pipe with a larger batch would send nothing. */
const ENTRIES_PER_CALL = 10;

/** How a pipe sends to a target. */
export interface TargetBinding {
  readonly arn: string;
  /** Account and region of the target. */
  readonly environment: ResourceEnvironment;
  /**
   * What the owner of a target in another account has to allow. @default - it cannot be in another
   * account
   */
  readonly permission?: string;
  readonly parameters: CfnPipe.PipeTargetParametersProperty;
  readonly maxBatchSize: number;
  readonly defaultBatchSize: number;
  /** Whether the target can reject a single event, which must not be retried forever. */
  readonly canRejectEvent: boolean;
}

/** Target of the events of new and changed lines. */
export class TransactionTarget {
  /**
   * A queue. Each event is a message.
   *
   * A FIFO queue keeps the order of the changes of one line (the message group). A standard queue
   * keeps no order and may deliver a message twice.
   *
   * @param queue in the stack's account and region
   */
  public static queue(queue: sqs.IQueue): TransactionTarget {
    const fifo = { messageGroupId: '$.group', messageDeduplicationId: '$.eventID' };
    return new TransactionTarget((role) => allowSending(role, queue), {
      arn: queue.queueArn,
      environment: queue.env,
      parameters: queue.fifo ? { sqsQueueParameters: fifo } : {},
      maxBatchSize: ENTRIES_PER_CALL,
      defaultBatchSize: ENTRIES_PER_CALL,
      canRejectEvent: false,
    });
  }

  /**
   * An event bus. Your rules forward the events to any number of targets.
   *
   * The source is `cdk-rakuten-postback`, the detail type `Rakuten Transaction`.
   *
   * @param bus in the stack's region
   */
  public static eventBus(bus: events.IEventBus): TransactionTarget {
    return new TransactionTarget((role) => grant(role, ['events:PutEvents'], bus.eventBusArn), {
      arn: bus.eventBusArn,
      environment: bus.env,
      permission: "its policy has to allow the pipe's role events:PutEvents",
      parameters: {
        eventBridgeEventBusParameters: {
          source: TRANSACTION_EVENTS.source,
          detailType: TRANSACTION_EVENTS.detailType,
        },
      },
      maxBatchSize: ENTRIES_PER_CALL,
      defaultBatchSize: ENTRIES_PER_CALL,
      canRejectEvent: false,
    });
  }

  /**
   * A function. It receives a list of events in the order in which each line changed.
   *
   * If it throws, it receives the whole list again. If it returns
   * `{"batchItemFailures": [{"itemIdentifier": event.eventID}]}`, it receives only those again.
   *
   * @param fn in the stack's account and region
   */
  public static function(fn: lambda.IFunction): TransactionTarget {
    return new TransactionTarget((role) => grant(role, ['lambda:InvokeFunction'], fn.functionArn), {
      arn: fn.functionArn,
      environment: fn.env,
      parameters: { lambdaFunctionParameters: { invocationType: 'REQUEST_RESPONSE' } },
      maxBatchSize: 100,
      defaultBatchSize: 10,
      canRejectEvent: true,
    });
  }

  /**
   * A state machine. Each list of events (by default of one) starts an execution.
   *
   * A failed execution is not retried.
   *
   * @param stateMachine in the stack's account and region
   */
  public static stateMachine(stateMachine: sfn.IStateMachine): TransactionTarget {
    return new TransactionTarget(
      (role) => grant(role, ['states:StartExecution'], stateMachine.stateMachineArn),
      {
        arn: stateMachine.stateMachineArn,
        environment: stateMachine.env,
        parameters: { stepFunctionStateMachineParameters: { invocationType: 'FIRE_AND_FORGET' } },
        // Step Functions accepts 262,144 characters of input. An event can have 10,000.
        maxBatchSize: 20,
        defaultBatchSize: 1,
        canRejectEvent: true,
      },
    );
  }

  private constructor(
    private readonly allow: (role: iam.IRole) => void,
    private readonly binding: TargetBinding,
  ) {}

  /**
   * Grants a pipe's role the permission to send, and returns how to send.
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
