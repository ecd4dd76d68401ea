import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { devNull } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { LOCAL_CREDENTIALS, LOCAL_REGION } from '../embedded/clients';
import { FunctionError } from './function-error';

/** Endpoints of the services that a function calls. */
export interface ServiceEndpoints {
  readonly dynamodb: string;
  readonly sqs: string;
  readonly secretsManager: string;
  /** @default - the function can invoke no other function */
  readonly lambda?: string;
}

export interface FunctionDefinition {
  readonly name: string;
  /** Folder of the bundle. */
  readonly taskRoot: string;
  /** `file.export` */
  readonly handler: string;
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
  /** The function's own variables, from the template. */
  readonly variables: Readonly<Record<string, string>>;
  readonly endpoints: ServiceEndpoints;
  /** Each line that the function writes. */
  readonly onOutput?: (line: string) => void;
}

interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly memory?: number;
  readonly error?: {
    readonly errorType: string;
    readonly errorMessage: string;
    readonly stack?: string;
  };
}

/** Ends what an invocation wrote, perhaps behind something without a line break. */
const END_OF_OUTPUT = /END RequestId: (\S+)$/;

/** One execution environment of a function: a process that handles one invocation at a time. */
export class ExecutionEnvironment {
  private readonly child: ChildProcess;
  private invocations = 0;
  private killed = false;
  private onOutputRead: (requestId: string) => void = () => {};
  /** Resident memory after the last invocation, in bytes. */
  public memory = 0;

  public constructor(private readonly definition: FunctionDefinition) {
    this.child = fork(join(__dirname, 'runtime.cjs'), [definition.taskRoot, definition.handler], {
      cwd: definition.taskRoot,
      env: functionVariables(definition),
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (stream !== null) createInterface(stream).on('line', (line) => this.read(line));
    }
    // A failed start or send ends in `exit` as well, where it is handled.
    this.child.on('error', () => {});
  }

  /** Undefined when the process could not be started. */
  public get processId(): number | undefined {
    return this.child.pid;
  }

  public get alive(): boolean {
    return (
      !this.killed &&
      this.child.exitCode === null &&
      this.child.signalCode === null &&
      this.child.connected
    );
  }

  /**
   * Resolves with what the handler returned, when all that it wrote was handed to `onOutput`;
   * rejects with a FunctionError when it threw, ran out of time or its process died.
   */
  public invoke(event: unknown): Promise<unknown> {
    const { name, timeoutSeconds, memoryMegabytes } = this.definition;
    this.invocations += 1;
    const id = this.invocations;
    const context = {
      functionName: name,
      functionVersion: '$LATEST',
      memoryLimitInMB: String(memoryMegabytes),
      awsRequestId: `${name}-${id}`,
    };
    return new Promise((resolve, reject) => {
      const end = (finish: () => void): void => {
        clearTimeout(timer);
        this.child.off('message', onMessage);
        this.child.off('exit', onExit);
        finish();
      };
      // The answer and the output come on two ways, in any order.
      let reply: Reply | undefined;
      let isOutputRead = false;
      const endWhenBoth = (): void => {
        if (reply === undefined || !isOutputRead) return;
        const { error, result, memory } = reply;
        this.memory = memory ?? this.memory;
        end(() => (error === undefined ? resolve(result) : reject(new FunctionError(name, error))));
      };
      const onMessage = (message: Reply): void => {
        if (message.id !== id) return;
        reply = message;
        endWhenBoth();
      };
      this.onOutputRead = (requestId) => {
        if (requestId !== context.awsRequestId) return;
        isOutputRead = true;
        endWhenBoth();
      };
      const onExit = (code: number | null, signal: string | null): void =>
        end(() =>
          reject(
            new FunctionError(name, {
              errorType: 'Runtime.ExitError',
              errorMessage: `the process ended (${signal ?? `exit code ${code}`})`,
            }),
          ),
        );
      const timer = setTimeout(() => {
        this.kill();
        end(() =>
          reject(
            new FunctionError(name, {
              errorType: 'Sandbox.Timedout',
              errorMessage: `timed out after ${timeoutSeconds} seconds`,
            }),
          ),
        );
      }, timeoutSeconds * 1000);
      this.child.on('message', onMessage);
      this.child.once('exit', onExit);
      this.child.send(
        { id, event, context, deadline: Date.now() + timeoutSeconds * 1000 },
        (error) => {
          if (error)
            end(() =>
              reject(
                new FunctionError(name, {
                  errorType: 'Runtime.ExitError',
                  errorMessage: error.message,
                }),
              ),
            );
        },
      );
    });
  }

  private read(line: string): void {
    const end = END_OF_OUTPUT.exec(line);
    const written = line.slice(0, end?.index);
    if (end === null || written !== '') this.definition.onOutput?.(written);
    if (end?.[1] !== undefined) this.onOutputRead(end[1]);
  }

  /** Ends the process at once, in the middle of whatever it does. */
  public kill(): void {
    this.killed = true;
    this.child.kill('SIGKILL');
  }

  public async close(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.kill();
    await exited;
  }
}

/**
 * The process's whole environment, built from nothing: the function's own variables, what Lambda
 * sets, and endpoints and keys that lead nowhere but here. A developer's profile, region or proxy
 * is not among them.
 */
function functionVariables({
  name,
  taskRoot,
  memoryMegabytes,
  variables,
  endpoints,
}: FunctionDefinition): Record<string, string> {
  const system = Object.fromEntries(
    ['SystemRoot', 'TMPDIR', 'TEMP'].flatMap((key) =>
      process.env[key] ? [[key, process.env[key] ?? '']] : [],
    ),
  );
  return {
    ...system,
    TZ: 'UTC',
    LANG: 'en_US.UTF-8',
    AWS_REGION: LOCAL_REGION,
    AWS_DEFAULT_REGION: LOCAL_REGION,
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMegabytes),
    LAMBDA_TASK_ROOT: taskRoot,
    ...variables,
    AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamodb,
    AWS_ENDPOINT_URL_SQS: endpoints.sqs,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: endpoints.secretsManager,
    ...(endpoints.lambda === undefined ? {} : { AWS_ENDPOINT_URL_LAMBDA: endpoints.lambda }),
    // Any other service: nothing listens on port 1, so a call fails here instead of reaching AWS.
    AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  };
}
