import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { devNull } from 'node:os';
import { join } from 'node:path';
import { ENVIRONMENT } from '../../../core/names';
import { eventOf } from './traffic';

export const TABLE = 'transactions';
export const STATE_TABLE = 'state';

export interface Run {
  /** Milliseconds of processor time for each message. */
  readonly cpuPerMessage: number;
  readonly messagesPerSecond: number;
  /** The most memory that the process ever had, in megabytes. */
  readonly peakMegabytes: number;
}

/** A handler in a process of its own, as Lambda runs it. */
export class Environment {
  private readonly child: ChildProcess;

  constructor(bundle: string, endpoint: string) {
    this.child = fork(join(__dirname, 'worker.cjs'), [bundle], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: {
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: 'bench',
        AWS_SECRET_ACCESS_KEY: 'bench',
        AWS_CONFIG_FILE: devNull,
        AWS_SHARED_CREDENTIALS_FILE: devNull,
        AWS_ENDPOINT_URL: endpoint,
        AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
        [ENVIRONMENT.tableName]: TABLE,
        [ENVIRONMENT.stateTableName]: STATE_TABLE,
        [ENVIRONMENT.dayShards]: '1',
        [ENVIRONMENT.metricsNamespace]: 'Bench',
        [ENVIRONMENT.metricsService]: 'bench',
      },
    });
  }

  async run(batchSize: number, batches: number): Promise<Run> {
    const events = Array.from({ length: batches }, () => eventOf(batchSize));
    this.child.send(events);
    const [first] = await this.answer();
    if (typeof first === 'number') throw new Error(`the handler's process ended with ${first}`);
    if (first.failures > 0) throw new Error(`${first.failures} messages failed`);
    const messages = batchSize * batches;
    return {
      cpuPerMessage: first.cpu / messages,
      messagesPerSecond: (messages * 1000) / first.wall,
      peakMegabytes: first.peakKilobytes / 1024,
    };
  }

  /** What the process answers, or the code that it ended with. */
  private async answer(): Promise<[Measured | number]> {
    const either = new AbortController();
    try {
      const events = ['message', 'exit'].map((event) =>
        once(this.child, event, { signal: either.signal }),
      );
      // The aborted one rejects without a handler.
      for (const event of events) event.catch(() => {});
      return (await Promise.race(events)) as [Measured | number];
    } finally {
      either.abort();
    }
  }

  async close(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.disconnect();
    await exited;
  }
}

interface Measured {
  readonly cpu: number;
  readonly wall: number;
  readonly failures: number;
  readonly peakKilobytes: number;
}
