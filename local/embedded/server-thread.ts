import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

/**
 * A refusal that the server answers in place of an operation, as AWS does when it throttles or is
 * ill.
 */
export interface Refusal {
  /** Operations to refuse, e.g. `SendMessage`, `PutItem`. */
  readonly operations: readonly string[];
  /** HTTP status of the answer; `0` closes the connection without one. */
  readonly status: number;
  /** Error type, e.g. `ProvisionedThroughputExceededException`. */
  readonly type: string;
  readonly message?: string;
  /** How many calls to refuse. @default all, until `accept()` */
  readonly times?: number;
}

/** A server on 127.0.0.1 that stands in for one AWS service. */
export interface EmbeddedServer {
  /** Base URL, e.g. `http://127.0.0.1:40001`. */
  readonly endpoint: string;
  close(): Promise<void>;
}

/** An embedded server that can be made to refuse calls. */
export interface FaultyServer extends EmbeddedServer {
  /** Refuse these operations from now on. */
  refuse(refusal: Refusal): Promise<void>;
  /** Stop refusing. */
  accept(): Promise<void>;
  /** How many calls were refused so far. */
  refusals(): number;
  /** Bytes that its thread holds after a collection. */
  memory(): Promise<number>;
}

/** From the thread. */
type Message =
  | { port: number }
  | { failed: string }
  | { refused: string }
  | { refusalSet: true }
  | { memory: number };

/**
 * Starts one of the servers of `server-worker.mjs` in a thread of its own; it ends with this
 * process at the latest.
 */
export async function startServerThread(
  kind: 'sqs' | 'dynamodb',
  options: { region: string; port?: number },
): Promise<FaultyServer> {
  const worker = new Worker(join(__dirname, 'server-worker.mjs'), {
    workerData: { kind, region: options.region, port: options.port ?? 0 },
    // Nothing of the developer's own AWS set-up reaches the server.
    env: { AWS_REGION: options.region, AWS_ACCOUNT_ID: '000000000000', NODE_NO_WARNINGS: '1' },
    execArgv: [],
  });
  const [first] = (await once(worker, 'message')) as [Message];
  if (!('port' in first)) {
    await worker.terminate();
    throw new Error(
      `the embedded ${kind} server did not start: ${'failed' in first ? first.failed : JSON.stringify(first)}`,
    );
  }
  let refused = 0;
  worker.on('message', (message: Message) => {
    if ('refused' in message) refused += 1;
    if ('failed' in message) console.error(`the embedded ${kind} server: ${message.failed}`);
  });
  return {
    endpoint: `http://127.0.0.1:${first.port}`,
    refuse: async (refusal) => void (await ask(worker, { refusal }, 'refusalSet')),
    accept: async () => void (await ask(worker, { refusal: undefined }, 'refusalSet')),
    refusals: () => refused,
    memory: async () => (await ask(worker, { measure: true }, 'memory')).memory,
    async close() {
      const exited = once(worker, 'exit');
      worker.postMessage({ close: true });
      await exited;
    },
  };
}

/**
 * Resolves with the thread's answer; after that of a refusal, every call that comes is judged by
 * it.
 */
function ask<K extends 'refusalSet' | 'memory'>(
  worker: Worker,
  question: object,
  answer: K,
): Promise<Extract<Message, Record<K, unknown>>> {
  return new Promise((resolve) => {
    const listener = (message: Message) => {
      if (!(answer in message)) return;
      worker.off('message', listener);
      resolve(message as Extract<Message, Record<K, unknown>>);
    };
    worker.on('message', listener);
    worker.postMessage(question);
  });
}
