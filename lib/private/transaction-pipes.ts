import { CfnOutput, Names, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { DISCARDED_EVENTS_OUTPUT } from '../../core/names';
import type { MonitoredPipe } from '../monitoring/monitored-parts';
import {
  type TransactionOptions,
  TransactionPipe,
  type TransactionPipeProps,
} from '../transaction-pipe';
import type { TransactionTarget } from '../transaction-target';
import { assertValid } from './checks';

/** DynamoDB throttles more readers of one stream. */
const MAX_STREAM_READERS = 2;

type SharedProps = Pick<
  TransactionPipeProps,
  'table' | 'service' | 'logRetention' | 'encryptionKey'
>;

/** A pipe, and what the monitoring knows of it. */
export interface AddedPipe {
  readonly pipe: TransactionPipe;
  readonly monitored: MonitoredPipe;
}

/** The pipes of one RakutenPostback, from its table to the targets of `onTransaction`. */
export class TransactionPipes {
  readonly monitored: MonitoredPipe[] = [];

  constructor(
    private readonly scope: Construct,
    private readonly shared: SharedProps,
  ) {}

  add(id: string, target: TransactionTarget, options: TransactionOptions): AddedPipe {
    const { scope } = this;
    assertValid(scope, this.monitored.length < MAX_STREAM_READERS, TOO_MANY_READERS);
    const { pipeScope = scope } = options;
    const name = Stack.of(pipeScope) === Stack.of(scope) ? undefined : this.nameElsewhere(id);
    const pipeId = `${pipeScope === scope ? '' : scope.node.id}Transactions${id}`;
    const pipe = new TransactionPipe(pipeScope, pipeId, {
      ...options,
      ...this.shared,
      name,
      target,
    });
    if (name !== undefined) this.publishQueueOf(id, name);
    const monitored = {
      name: id,
      construct: pipe,
      pipeName: name ?? pipe.pipeName,
      deadLetterQueueName: name ?? pipe.deadLetterQueue.queueName,
    };
    this.monitored.push(monitored);
    return { pipe, monitored };
  }

  /** The dashboard shows a pipe in another stack by name: a reference would be a cycle. */
  private nameElsewhere(id: string): string {
    const prefix = Names.uniqueResourceName(this.scope, { maxLength: 40, separator: '-' });
    return `${prefix}-${id}`.slice(0, 64);
  }

  /**
   * An output for `doctor`, which does not read the stack of the pipe.
   *
   * A reference to the queue would be a cycle.
   */
  private publishQueueOf(id: string, queueName: string): void {
    const { region, urlSuffix, account } = Stack.of(this.scope);
    new CfnOutput(this.scope, `Transactions${id}${DISCARDED_EVENTS_OUTPUT}`, {
      description: `Dead-letter queue of the pipe ${id}, which is in another stack`,
      value: `https://sqs.${region}.${urlSuffix}/${account}/${queueName}`,
    });
  }
}

const TOO_MANY_READERS =
  `a table's stream has room for ${MAX_STREAM_READERS} readers, and this would be one more; ` +
  'send to an event bus instead, whose rules hand on to any number of targets';
