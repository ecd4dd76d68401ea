import { startWorld, type World } from './world';

/** Does each task in a world that no other task has at that time, as many at once as there are worlds. Results are in the order of the tasks. */
export class Worlds {
  private readonly idle: World[] = [];
  private started = 0;
  private readonly waiting: ((world: World) => void)[] = [];

  constructor(private readonly most: number) {}

  all<T, R>(tasks: readonly T[], work: (world: World, task: T) => Promise<R>): Promise<R[]> {
    return Promise.all(tasks.map((task) => this.in((world) => work(world, task))));
  }

  async close(): Promise<void> {
    await Promise.all(this.idle.map((world) => world.close()));
  }

  private async in<R>(work: (world: World) => Promise<R>): Promise<R> {
    const world = await this.take();
    try {
      return await work(world);
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.idle.push(world);
      else next(world);
    }
  }

  private take(): Promise<World> {
    const idle = this.idle.pop();
    if (idle !== undefined) return Promise.resolve(idle);
    if (this.started === this.most) return new Promise((resolve) => this.waiting.push(resolve));
    this.started += 1;
    return startWorld();
  }
}
