import { EventBus } from 'aws-cdk-lib/aws-events';
import { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { TransactionPipe, TransactionTarget } from '../../../lib';
import { TransactionTable } from '../../../lib/transaction-table';
import { emptyStack } from '../../support/stacks';

const ACCOUNT = '111122223333';

type Kind = 'queue' | 'function' | 'state machine' | 'event bus';
const TARGETS: Record<Kind, (scope: Construct, environment: string) => TransactionTarget> = {
  queue: (scope, at) =>
    TransactionTarget.queue(Queue.fromQueueArn(scope, 'Target', `arn:aws:sqs:${at}:orders`)),
  function: (scope, at) =>
    TransactionTarget.function(
      LambdaFunction.fromFunctionArn(scope, 'Target', `arn:aws:lambda:${at}:function:f`),
    ),
  'state machine': (scope, at) =>
    TransactionTarget.stateMachine(
      StateMachine.fromStateMachineArn(scope, 'Target', `arn:aws:states:${at}:stateMachine:m`),
    ),
  'event bus': (scope, at) =>
    TransactionTarget.eventBus(
      EventBus.fromEventBusArn(scope, 'Target', `arn:aws:events:${at}:event-bus/b`),
    ),
};

const sending = (kind: Kind, environment: string) => () => {
  const stack = emptyStack({ region: 'us-east-1', account: ACCOUNT });
  const { table } = new TransactionTable(stack, 'Table');
  new TransactionPipe(stack, 'Pipe', {
    table,
    target: TARGETS[kind](stack, environment),
    service: 'Postback',
  });
};

describe('a target of onTransaction', () => {
  it.each(Object.keys(TARGETS) as Kind[])(
    'that is a %s is accepted in the account and region, and rejected in another region',
    (kind) => {
      expect(sending(kind, `us-east-1:${ACCOUNT}`)).not.toThrow();
      expect(sending(kind, `eu-west-1:${ACCOUNT}`)).toThrow(
        'the target is in the region eu-west-1, and the pipe in us-east-1',
      );
    },
  );

  it('in another account is rejected, except for an event bus', () => {
    for (const kind of ['queue', 'function', 'state machine'] as const)
      expect(sending(kind, 'us-east-1:999988887777')).toThrow(
        'the target is in the account 999988887777, and the pipe in 111122223333',
      );
    expect(sending('event bus', 'us-east-1:999988887777')).not.toThrow();
  });
});
