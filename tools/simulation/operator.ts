import { URL_PARAMETERS } from '../../core/names';
import type { FieldList } from '../../core/rakuten/postback/fields';
import type { Random } from '../../fake-rakuten/random';
import type { Happening } from './incidents';
import { TRACKER_URL } from './rakuten';
import { FIELD_LISTS } from './settings';
import type { World } from './world';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** People: the operators of the installation, and others who change Rakuten's side. */
export class Operator {
  public readonly counts = {
    deployments: 0,
    rolledBack: 0,
    failedRollbacks: 0,
    rotations: 0,
    failedRotations: 0,
    redriven: 0,
  };
  /** Secrets with the moment from which postbacks under them are rejected. */
  public readonly retiredSecrets: { readonly text: string; readonly at: number }[] = [];
  private deploying: Promise<unknown> = Promise.resolve();
  private lists = 0;

  public constructor(
    private readonly world: World,
    private readonly random: Random,
  ) {}

  /** The first deployment. */
  public async install(): Promise<void> {
    await this.world.installation.deploy(this.world.installation.fields);
    this.counts.deployments += 1;
  }

  public start(until: number): void {
    const { clock, incidents } = this.world;
    for (const happening of incidents.happenings) {
      clock.spawn(async () => {
        await clock.sleepUntil(happening.at);
        await this.act(happening);
      });
    }
    for (const { kind, from, to } of incidents.spells) {
      if (kind === 'slot taken over by a tracker') clock.spawn(() => this.takeover(from, to));
    }
    clock.spawn(() => this.redriving(until));
  }

  private act({ kind }: Happening): Promise<void> | void {
    const { rakuten } = this.world;
    const { slot } = rakuten;
    switch (kind) {
      case 'switched off by Rakuten without a reason':
        if (slot !== undefined) rakuten.setSlot({ ...slot, active: false });
        return;
      case 'slot emptied in the portal':
        rakuten.setSlot(undefined);
        return;
      case 'every token revoked':
        rakuten.revokeTokens();
        return;
      case 'secret rotated':
        return this.rotate(false);
      case 'fields changed':
        return this.deploy(this.nextList(), false);
      case 'deployment that another resource lets fail':
        return this.deploy(this.nextList(), true);
      case 'registration killed in the middle':
        return this.random.chance(0.5)
          ? this.rotate(true)
          : this.deploy(this.nextList(), false, true);
    }
  }

  /**
   * Another program registers its URL.
   *
   * Hours later an operator removes it in the portal, or registers ours manually.
   */
  private async takeover(from: number, to: number): Promise<void> {
    const { clock, rakuten } = this.world;
    await clock.sleepUntil(from);
    const ours = rakuten.slot;
    rakuten.setSlot({ url: TRACKER_URL, active: true });
    await clock.sleepUntil(to);
    if (rakuten.slot?.url !== TRACKER_URL) return;
    rakuten.setSlot(this.random.chance(0.3) && ours?.url !== TRACKER_URL ? ours : undefined);
  }

  /**
   * A stack has one deployment at a time.
   *
   * One that fails by accident is repeated until it succeeds.
   */
  private async deploy(
    fields: FieldList,
    anotherResourceFails: boolean,
    isKilled = false,
  ): Promise<void> {
    const work = this.deploying.then(() => this.deployNow(fields, anotherResourceFails, isKilled));
    this.deploying = work;
    await work;
  }

  private async deployNow(
    fields: FieldList,
    anotherResourceFails: boolean,
    isKilled: boolean,
  ): Promise<void> {
    const { clock, installation, consumer, schedules } = this.world;
    for (let tries = 1; ; tries += 1) {
      this.counts.deployments += 1;
      consumer.replaceAll();
      const isDeployed = await installation.deploy(fields, {
        anotherResourceFails,
        isKilled: isKilled && tries === 1,
        onFailedRollback: () => {
          this.counts.failedRollbacks += 1;
        },
      });
      if (isDeployed) {
        schedules.deployed();
        return;
      }
      this.counts.rolledBack += 1;
      consumer.replaceAll();
      if (anotherResourceFails) return;
      await clock.sleep((0.5 + this.random.next()) * 2 * HOUR);
    }
  }

  private async rotate(isKilled: boolean): Promise<void> {
    const { clock, installation } = this.world;
    const { text } = await installation.urlSecret.current();
    for (let tries = 1; ; tries += 1) {
      try {
        await installation.rotate(isKilled && tries === 1);
        this.counts.rotations += 1;
        this.retiredSecrets.push({ text, at: clock.now() + HOUR });
        return;
      } catch {
        this.counts.failedRotations += 1;
        await clock.sleep((0.5 + this.random.next()) * HOUR);
      }
    }
  }

  /** Dead letters raise an alarm; some time later an operator redrives them. */
  private async redriving(until: number): Promise<void> {
    const { clock, queue } = this.world;
    while (clock.now() < until) {
      await clock.sleep(this.random.next() * 8 * HOUR);
      this.counts.redriven += queue.redrive();
    }
  }

  /** Whether the secret in a URL is still accepted. */
  public accepts(url: string): boolean {
    const secret = new URL(url).searchParams.get(URL_PARAMETERS.secret);
    return !this.retiredSecrets.some(
      ({ text, at }) => text === secret && at <= this.world.clock.now(),
    );
  }

  private nextList(): FieldList {
    this.lists += 1;
    return FIELD_LISTS[this.lists % FIELD_LISTS.length] as FieldList;
  }
}
