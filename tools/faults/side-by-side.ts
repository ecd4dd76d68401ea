import { limitConcurrency } from '../../core/async';
import { startWorld, type World } from './world';

/**
 * Runs each task in a world of its own at that time, as many at once as there are worlds.
 *
 * Results are in the order of the tasks.
 */
export class Worlds {
  private readonly idle: World[] = [];
  private readonly limited: ReturnType<typeof limitConcurrency>;

  constructor(limit: number) {
    this.limited = limitConcurrency(limit);
  }

  all<T, R>(tasks: readonly T[], work: (world: World, task: T) => Promise<R>): Promise<R[]> {
    return Promise.all(
      tasks.map((task) => this.limited(() => this.in((world) => work(world, task)))),
    );
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
