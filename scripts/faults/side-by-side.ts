import { atMost } from '../../lambda/runtime/at-most';
import { startWorld, type World } from './world';

/** Does each task in a world that no other task has at that time, as many at once as there are worlds. Results are in the order of the tasks. */
export class Worlds {
  private readonly idle: World[] = [];
  private readonly inTurn: ReturnType<typeof atMost>;

  constructor(most: number) {
    this.inTurn = atMost(most);
  }

  all<T, R>(tasks: readonly T[], work: (world: World, task: T) => Promise<R>): Promise<R[]> {
    return Promise.all(tasks.map((task) => this.inTurn(() => this.in((world) => work(world, task)))));
  }

  async close(): Promise<void> {
    await Promise.all(this.idle.map((world) => world.close()));
  }

  private async in<R>(work: (world: World) => Promise<R>): Promise<R> {
    const world = this.idle.pop() ?? (await startWorld());
    try {
      return await work(world);
    } finally {
      this.idle.push(world);
    }
  }
}
