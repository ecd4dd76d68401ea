/** Undoes tasks in reverse order, so that started parts are stopped even if a later start fails. */
export class Cleanup {
  private readonly tasks: {
    readonly what: string;
    readonly undo: () => Promise<unknown> | unknown;
  }[] = [];

  public add(what: string, undo: () => Promise<unknown> | unknown): void {
    this.tasks.push({ what, undo });
  }

  /** Undoes everything, even if one of the tasks fails; then throws the failures. */
  public async run(): Promise<void> {
    const failures: Error[] = [];
    for (let task = this.tasks.pop(); task !== undefined; task = this.tasks.pop()) {
      try {
        await task.undo();
      } catch (error) {
        failures.push(new Error(`stopping ${task.what} failed`, { cause: error }));
      }
    }
    if (failures.length > 0)
      throw new AggregateError(failures, failures.map(({ message }) => message).join('; '));
  }
}
