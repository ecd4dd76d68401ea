import { ExecutionEnvironment, type FunctionDefinition } from './environment';

/**
 * A Lambda function that runs its unmodified bundle: as many processes as there are invocations at
 * once, kept for the next ones.
 */
export class LocalFunction {
  private readonly idle: ExecutionEnvironment[] = [];
  private readonly busy = new Set<ExecutionEnvironment>();
  private invoked = 0;
  private failed = 0;

  public constructor(public readonly definition: FunctionDefinition) {}

  public get name(): string {
    return this.definition.name;
  }

  /** Invocations so far, and how many of them failed. */
  public get statistics(): { readonly invocations: number; readonly errors: number } {
    return { invocations: this.invoked, errors: this.failed };
  }

  /** How many invocations are at work now. */
  public get atWork(): number {
    return this.busy.size;
  }

  /** Resident memory of each process after its last invocation, in bytes. */
  public get memory(): number[] {
    return [...this.idle, ...this.busy].map((environment) => environment.memory);
  }

  /** Of the processes that are alive. */
  public get processIds(): number[] {
    return [...this.idle, ...this.busy].flatMap(({ processId }) => processId ?? []);
  }

  /** Invokes the handler; rejects with a FunctionError when it fails. */
  public async invoke(event: unknown): Promise<unknown> {
    const environment = this.takeIdle() ?? new ExecutionEnvironment(this.definition);
    this.busy.add(environment);
    this.invoked += 1;
    try {
      return await environment.invoke(event);
    } catch (error) {
      this.failed += 1;
      throw error;
    } finally {
      this.busy.delete(environment);
      if (environment.alive) this.idle.push(environment);
    }
  }

  /**
   * Kills every process, in the middle of what it does. The next invocation starts a new one.
   * Returns how many were at work.
   */
  public kill(): number {
    const { atWork } = this;
    for (const environment of [...this.idle, ...this.busy]) environment.kill();
    return atWork;
  }

  public async close(): Promise<void> {
    await Promise.all([...this.idle, ...this.busy].map((environment) => environment.close()));
  }

  private takeIdle(): ExecutionEnvironment | undefined {
    for (
      let environment = this.idle.pop();
      environment !== undefined;
      environment = this.idle.pop()
    ) {
      if (environment.alive) return environment;
    }
    return undefined;
  }
}
