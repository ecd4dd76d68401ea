import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { CachedForgottenMembers } from '../../core/state/forgotten-members';
import { RowStore } from '../../core/transactions/row-store';
import type { Random } from '../../fake-rakuten/random';
import { Consumer } from '../../lambda/consumer/consumer';
import { FunctionError } from '../../local/lambda/function-error';
import { MortalClient } from './dynamodb';
import { SilentLog } from './observability';
import { AS_DEPLOYED, TABLES } from './settings';
import type { World } from './world';

/** One process of the function. It keeps what it knows between invocations. */
interface Instance {
  readonly client: MortalClient;
  readonly consumer: Consumer;
}

/** How long an invocation takes without its calls to DynamoDB. */
const OVERHEAD_MILLIS = 15;
const COLD_START_MILLIS = 600;
/** A process is replaced now and then without a reason. */
const RECYCLED = 0.002;
/** Batches that die at any time. */
const DYING_ANYWAY = 0.0005;

/** The consumer's processes. Some die in the middle of a batch. */
export class ConsumerProcesses {
  public batches = 0;
  public deaths = 0;
  private readonly idle: Instance[] = [];

  public constructor(
    private readonly world: World,
    private readonly random: Random,
  ) {}

  /** A deployment replaces the code: every process is a new one. */
  public replaceAll(): void {
    this.idle.length = 0;
  }

  /** Rejects with a FunctionError when the process dies or takes too long. */
  public async invoke(event: unknown): Promise<SQSBatchResponse> {
    const { random } = this;
    const { clock, incidents } = this.world;
    const { Records } = event as SQSEvent;
    this.batches += 1;
    const instance = await this.process();
    const end = clock.now() + AS_DEPLOYED.timeoutMillis;
    const dies = random.chance(
      Math.max(DYING_ANYWAY, incidents.severity('consumer dying', clock.now())),
    );
    // It may die before its first call, in the middle, or when everything is written and nothing is
    // deleted.
    const death = dies
      ? instance.client.dieAfter(random.integer(0, Math.ceil(Records.length * 1.5)))
      : new Promise<void>(() => {});
    const context = {
      awsRequestId: `invocation-${this.batches}`,
      getRemainingTimeInMillis: () => end - clock.now(),
    } as Context;
    const response = await Promise.race([
      instance.consumer.handle({ Records }, context),
      death.then(() => undefined),
      clock.sleep(AS_DEPLOYED.timeoutMillis).then(() => undefined),
    ]);
    await clock.sleep(OVERHEAD_MILLIS);
    if (response === undefined || dies) {
      instance.client.die();
      this.deaths += 1;
      throw new FunctionError('consumer', {
        errorType: 'Runtime.ExitError',
        errorMessage: 'the process ended',
      });
    }
    if (!random.chance(RECYCLED)) this.idle.push(instance);
    return response;
  }

  private async process(): Promise<Instance> {
    const { clock, dynamodb, metrics, rowOptions } = this.world;
    const warm = this.idle.pop();
    if (warm !== undefined) return warm;
    await clock.sleep(COLD_START_MILLIS);
    const client = new MortalClient(dynamodb);
    const times = { now: () => clock.now(), pause: (millis: number) => clock.sleep(millis) };
    const forgotten = new CachedForgottenMembers(client, TABLES.state, times.now);
    const consumer = new Consumer({
      client,
      stateTableName: TABLES.state,
      rows: new RowStore({
        client,
        tableName: TABLES.transactions,
        clock: times,
        forgotten,
        ...rowOptions,
      }),
      forgotten,
      log: new SilentLog(),
      metrics,
      ...times,
    });
    return { client, consumer };
  }
}
