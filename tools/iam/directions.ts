import { type Call, type Context, callOf } from './call';
import { ACCOUNT } from './deployed';
import { contains, type Engine } from './engine';
import type { Conditions, Permission } from './permissions';

/**
 * Values of condition keys that a call of someone else could have; undefined is a call without the
 * key.
 *
 * Those that other calls of the app have count too, such as the keys of other items.
 */
const OTHERS: Readonly<Record<string, readonly (string | readonly string[] | undefined)[]>> = {
  'events:source': [['another-application'], undefined],
  'kms:ViaService': ['lambda.us-east-1.amazonaws.com', undefined],
  'aws:SourceAccount': ['444455556666', undefined],
  'aws:SourceArn': [`arn:aws:events:us-east-1:${ACCOUNT}:rule/Another`, undefined],
  'aws:SourceIp': ['198.51.100.7'],
};

/** Decides about the permissions of one app. */
export class Directions {
  private allowed: readonly Call[] = [];

  constructor(
    private readonly engine: Engine,
    private readonly permissions: readonly Permission[],
  ) {}

  /** Calls that the permissions do not allow. */
  async denied(calls: readonly Call[]): Promise<Call[]> {
    const denied: Call[] = [];
    for (const call of calls)
      if (!(await this.engine.allows(call, this.permissions))) denied.push(call);
    this.allowed = calls.filter((call) => !denied.includes(call));
    return denied;
  }

  /** Whether a call fails once the permission is gone; for a prohibition, whether one succeeds. */
  async isNeeded(permission: Permission): Promise<boolean> {
    const without = this.permissions.filter((other) => other !== permission);
    if (permission.effect === 'Deny') return this.prohibits(permission, without);
    return this.someFails(this.callsBy(permission), without);
  }

  /**
   * Conditions of a permission that keep no other call out, or that a call does not need, as
   * `operator key`.
   */
  async idleConditions(permission: Permission): Promise<string[]> {
    // A prohibition that lets a call over TLS pass, and none without it, is decided by its
    // condition.
    if (permission.effect === 'Deny') return [];
    const idle: string[] = [];
    for (const [operator, keys] of Object.entries(permission.conditions)) {
      for (const key of Object.keys(keys)) {
        if (!(await this.keepsOut(permission, operator, key))) idle.push(`${operator} ${key}`);
      }
    }
    return idle;
  }

  /** Values of a list in the conditions that no call has, as `operator key value`. */
  async unneededValues(permission: Permission): Promise<string[]> {
    const unneeded: string[] = [];
    for (const [operator, key, values] of listsIn(permission.conditions)) {
      for (const value of values) {
        const kept = values.filter((other) => other !== value);
        const conditions = {
          ...permission.conditions,
          [operator]: { ...permission.conditions[operator], [key]: kept },
        };
        const siblings = this.permissions.filter((other) => isOfOneStatement(other, permission));
        const changed = this.permissions.map((other) =>
          siblings.includes(other) ? { ...other, conditions } : other,
        );
        const calls = siblings.flatMap((sibling) => this.callsBy(sibling));
        if (!(await this.someFails(calls, changed))) unneeded.push(`${operator} ${key} ${value}`);
      }
    }
    return unneeded;
  }

  private async keepsOut(permission: Permission, operator: string, key: string): Promise<boolean> {
    const { [operator]: { [key]: _, ...others } = {}, ...rest } = permission.conditions;
    const conditions = Object.keys(others).length === 0 ? rest : { ...rest, [operator]: others };
    const relaxed = this.permissions.map((other) =>
      other === permission ? { ...permission, conditions } : other,
    );
    for (const call of this.callsBy(permission)) {
      for (const value of this.otherValues(key)) {
        const other = { ...call, context: withValue(call.context, key, value) };
        if (
          !(await this.engine.allows(other, this.permissions)) &&
          (await this.engine.allows(other, relaxed))
        )
          return true;
      }
    }
    return false;
  }

  private otherValues(key: string): (string | readonly string[] | undefined)[] {
    const ofCalls = this.allowed.flatMap(({ context }) =>
      key in context ? [[JSON.stringify(context[key]), context[key]] as const] : [],
    );
    return [...(OTHERS[key] ?? []), ...new Map(ofCalls).values()];
  }

  /** Whether a prohibition stops even an administrator, and only without TLS. */
  private async prohibits(
    permission: Permission,
    without: readonly Permission[],
  ): Promise<boolean> {
    const tls = administratorsCall(permission);
    const plain = { ...tls, context: { ...tls.context, 'aws:SecureTransport': 'false' } };
    const [before, after] = [this.permissions, without].map((permissions) => [
      ...permissions,
      ADMINISTRATOR,
    ]) as [Permission[], Permission[]];
    return (
      !(await this.engine.allows(plain, before)) &&
      (await this.engine.allows(tls, before)) &&
      (await this.engine.allows(plain, after))
    );
  }

  private async someFails(
    calls: readonly Call[],
    permissions: readonly Permission[],
  ): Promise<boolean> {
    for (const call of calls) if (!(await this.engine.allows(call, permissions))) return true;
    return false;
  }

  /** Allowed calls that a permission can be about. */
  private callsBy({ kind, arn, action }: Permission): Call[] {
    const pattern = new RegExp(`^${action.replaceAll('*', '.*')}$`, 'i');
    return this.allowed.filter(
      (call) =>
        pattern.test(call.action) &&
        (kind === 'identity' ? call.principal === arn : contains(arn, call.resource)),
    );
  }
}

function withValue(
  context: Context,
  key: string,
  value: string | readonly string[] | undefined,
): Context {
  const { [key]: _, ...others } = context;
  return value === undefined ? others : { ...others, [key]: value };
}

function listsIn(
  conditions: Conditions,
): [operator: string, key: string, values: readonly string[]][] {
  return Object.entries(conditions).flatMap(([operator, keys]) =>
    Object.entries(keys).flatMap(([key, values]) =>
      Array.isArray(values) && values.length > 1
        ? [[operator, key, values] as [string, string, readonly string[]]]
        : [],
    ),
  );
}

const isOfOneStatement = (one: Permission, other: Permission): boolean =>
  one.arn === other.arn && JSON.stringify(one.conditions) === JSON.stringify(other.conditions);

const ADMINISTRATOR_ARN = `arn:aws:iam::${ACCOUNT}:role/Administrator`;
const ADMINISTRATOR: Permission = {
  holder: 'Administrator',
  arn: ADMINISTRATOR_ARN,
  kind: 'identity',
  effect: 'Allow',
  action: '*',
  resource: '*',
  conditions: {},
  isOurs: false,
};

/** A call on what a prohibition protects. */
function administratorsCall({ arn, resource = '' }: Permission): Call {
  if (arn.includes(':sqs:')) return callOf(ADMINISTRATOR_ARN, 'sqs:ReceiveMessage', resource);
  if (!arn.includes(':s3:'))
    throw new Error(
      `tools/iam/directions.ts knows no call that the policy of ${arn} could prohibit`,
    );
  return resource.endsWith('/*')
    ? callOf(ADMINISTRATOR_ARN, 's3:GetObject', resource.replace('*', 'an-object'))
    : callOf(ADMINISTRATOR_ARN, 's3:ListBucket', resource);
}
