import { REGISTRATION_PROPERTIES as P } from '../../core/names';
import type { RegistrationAnswer, RegistrationEvent } from '../../core/registration/events';
import type { Installation } from './registration-world';

/** How the provider framework's call of the function went. */
export type Delivery =
  | 'once'
  /** Repeated after it had ended. */
  | 'repeated'
  /** Repeated while it ran. */
  | 'twice at once'
  /** Killed after some calls to Rakuten and invoked again, as after a lost connection. */
  | 'killed and invoked again';

export interface DeliveryPlan {
  readonly how: Delivery;
  /** Calls to Rakuten before it is killed. */
  readonly calls: number;
}

interface Resource {
  readonly physicalId: string;
  readonly properties: Record<string, unknown>;
}

/**
 * One registration resource, with the requests that CloudFormation and the provider framework make
 * of it.
 */
export class CloudFormation {
  public resource: Resource | undefined;
  /** A rollback failed: somebody has to continue it. */
  public stuck:
    | { readonly to: Resource; readonly from: Record<string, unknown>; readonly physicalId: string }
    | undefined;
  /**
   * A removal failed: CloudFormation forgets a replaced resource, and keeps one whose stack is
   * deleted.
   */
  public readonly failedRemovals: {
    readonly properties: Record<string, unknown>;
    readonly message: string;
  }[] = [];
  /** A stack whose deletion failed can only be deleted again. */
  public deleteFailed = false;
  public lastError = '';

  public constructor(
    private readonly installation: Installation,
    private readonly logicalId = 'Registration',
  ) {}

  /**
   * Deploys the properties. True when they stand in the end. `othersFail`: another resource of the
   * stack fails after this one, so it is rolled back.
   */
  public async deploy(
    properties: Record<string, unknown>,
    plan: DeliveryPlan,
    othersFail = false,
  ): Promise<boolean> {
    const before = this.resource;
    return before === undefined
      ? this.create(properties, plan, othersFail)
      : this.update(before, properties, plan, othersFail);
  }

  public async destroy(plan: DeliveryPlan): Promise<boolean> {
    if (this.resource === undefined) return true;
    // After a rollback that failed, the resource is what the last request that succeeded made it.
    const { stuck } = this;
    const moved = stuck !== undefined && stuck.physicalId !== this.resource.physicalId;
    const { properties, physicalId } = moved
      ? { properties: stuck.from, physicalId: stuck.physicalId }
      : this.resource;
    this.deleteFailed = !(await this.delete(properties, physicalId, plan));
    if (this.deleteFailed) return false;
    this.resource = undefined;
    this.stuck = undefined;
    return true;
  }

  /** What a person does with a rollback that failed, once the cause is gone. */
  public async continueRollback(plan: DeliveryPlan): Promise<boolean> {
    if (this.stuck === undefined) return true;
    const { to, from, physicalId } = this.stuck;
    return this.rollBack(to, from, physicalId, plan);
  }

  private async create(
    properties: Record<string, unknown>,
    plan: DeliveryPlan,
    othersFail: boolean,
  ): Promise<boolean> {
    const answer = await this.invoke(this.event('Create', properties), plan);
    // The framework answers the Delete that follows a failed Create itself.
    if (answer === undefined) return false;
    this.resource = { physicalId: answer.PhysicalResourceId, properties };
    if (!othersFail) return true;
    await this.destroy(plan);
    return false;
  }

  private async update(
    before: Resource,
    properties: Record<string, unknown>,
    plan: DeliveryPlan,
    othersFail: boolean,
  ): Promise<boolean> {
    const event = this.event('Update', properties, {
      PhysicalResourceId: before.physicalId,
      OldResourceProperties: before.properties,
    });
    const answer = await this.invoke(event, plan);
    const physicalId = answer?.PhysicalResourceId ?? before.physicalId;
    if (answer === undefined || othersFail) {
      const error = this.lastError;
      await this.rollBack(before, properties, physicalId, plan);
      this.lastError = error;
      return false;
    }
    this.resource = { physicalId, properties };
    if (physicalId !== before.physicalId)
      await this.delete(before.properties, before.physicalId, plan);
    return true;
  }

  private async rollBack(
    to: Resource,
    from: Record<string, unknown>,
    physicalId: string,
    plan: DeliveryPlan,
  ): Promise<boolean> {
    const event = this.event('Update', to.properties, {
      PhysicalResourceId: physicalId,
      OldResourceProperties: from,
    });
    const answer = await this.invoke(event, plan);
    this.stuck = answer === undefined ? { to, from, physicalId } : undefined;
    if (answer === undefined) return false;
    this.resource = { physicalId: answer.PhysicalResourceId, properties: to.properties };
    if (answer.PhysicalResourceId !== physicalId) await this.delete(from, physicalId, plan);
    return true;
  }

  private async delete(
    properties: Record<string, unknown>,
    physicalId: string,
    plan: DeliveryPlan,
  ): Promise<boolean> {
    const answer = await this.invoke(
      this.event('Delete', properties, { PhysicalResourceId: physicalId }),
      plan,
    );
    if (answer === undefined) this.failedRemovals.push({ properties, message: this.lastError });
    else if (answer.PhysicalResourceId !== physicalId)
      throw new Error('a Delete must return the id it was given');
    return answer !== undefined;
  }

  private event(
    type: RegistrationEvent['RequestType'],
    properties: Record<string, unknown>,
    more: Partial<RegistrationEvent> = {},
  ): RegistrationEvent {
    return this.installation.event(type, properties, {
      LogicalResourceId: this.logicalId,
      ...more,
    });
  }

  /** Undefined when it failed. */
  private async invoke(
    event: RegistrationEvent,
    { how, calls }: DeliveryPlan,
  ): Promise<RegistrationAnswer | undefined> {
    const once = (): Promise<RegistrationAnswer | undefined> =>
      this.installation.invoke(event).catch((error: Error) => {
        this.lastError = error.message;
        return undefined;
      });
    if (how === 'twice at once') {
      const [first, second] = await Promise.all([once(), once()]);
      if ((first === undefined) !== (second === undefined))
        throw new Error(`one of two equal requests failed: ${this.lastError}`);
      return second;
    }
    if (how === 'killed and invoked again') {
      const killed = this.installation.killAfter(calls);
      const result = await Promise.race([once(), killed]);
      this.installation.spare();
      return result === 'killed' ? once() : result;
    }
    const answer = await once();
    if (how === 'repeated') {
      const again = await once();
      if (JSON.stringify(again) !== JSON.stringify(answer))
        throw new Error('a repeated request was answered differently');
    }
    return answer;
  }
}

export const sidIn = (properties: Record<string, unknown>): string => String(properties[P.sid]);
