import type { CheckedApp } from './apps';
import { type Call, inWords, withoutRepetitions } from './call';
import { callsOfFunction } from './calls-of-functions';
import { callsOfServices } from './calls-of-services';
import { callsToKms } from './calls-to-kms';
import { wrongKeys } from './condition-keys';
import { Deployed } from './deployed';
import { Directions } from './directions';
import type { Engine } from './engine';
import { EXPLAINED, EXPLAINED_MANAGED, explains } from './explained';
import type { ObservedCall } from './observed';
import { managedPolicies, type Permission, permissionInWords, permissionsOf } from './permissions';

export interface AppReport {
  readonly calls: number;
  readonly permissions: number;
  readonly conditions: number;
  readonly explained: number;
  /** In words. Empty if there are none. */
  readonly violations: readonly string[];
  /** Observed calls and explanations that this app has a place for. */
  readonly used: ReadonlySet<object>;
}

/** Every call against every permission of an app, in both directions. */
export async function checkApp(
  app: CheckedApp,
  observed: readonly ObservedCall[],
  engine: Engine,
): Promise<AppReport> {
  const deployed = new Deployed(app.templates);
  const used = new Set<object>();
  const calls = callsIn(app, deployed, observed, used);
  const permissions = permissionsOf(app, deployed);
  const ours = permissions.filter(({ isOurs }) => isOurs);
  const directions = new Directions(engine, permissions);

  const violations = (await directions.denied(calls)).map((call) => `denied: ${inWords(call)}`);
  const explanations = new Set<Permission>();
  for (const permission of ours) {
    const what = permissionInWords(permission);
    violations.push(
      ...(await wrongKeys(permission, engine.data)).map((wrong) => `${wrong}: ${what}`),
    );
    const explained = EXPLAINED.find((one) => explains(one, permission));
    if (await directions.isNeeded(permission)) {
      violations.push(...(await wrongConditions(permission, directions)));
    } else if (explained === undefined) {
      violations.push(`no call needs: ${what}`);
    } else {
      explanations.add(permission);
      used.add(explained);
    }
  }
  for (const { role, policy } of managedPolicies(deployed)) {
    const explained = EXPLAINED_MANAGED.find((one) => one.role === role && one.policy === policy);
    if (explained === undefined)
      violations.push(`not looked into: the managed policy ${policy} of ${role}`);
    else used.add(explained);
  }
  const conditional = ours.filter(({ conditions }) => Object.keys(conditions).length > 0);
  return {
    calls: calls.length,
    permissions: ours.length,
    conditions: conditional.length,
    explained: explanations.size,
    violations: [...new Set(violations)],
    used,
  };
}

function callsIn(
  app: CheckedApp,
  deployed: Deployed,
  observed: readonly ObservedCall[],
  used: Set<object>,
): Call[] {
  const ofFunctions = observed.flatMap((call) => {
    const placed = callsOfFunction(call, app, deployed);
    if (placed.length > 0) used.add(call);
    return placed;
  });
  const calls = withoutRepetitions([...ofFunctions, ...callsOfServices(deployed)]);
  return withoutRepetitions([...calls, ...callsToKms(calls, app, deployed)]);
}

async function wrongConditions(permission: Permission, directions: Directions): Promise<string[]> {
  const what = permissionInWords(permission);
  return [
    ...(await directions.idleConditions(permission)).map(
      (condition) => `${condition} keeps no call out: ${what}`,
    ),
    ...(await directions.unneededValues(permission)).map(
      (value) => `no call needs ${value}: ${what}`,
    ),
  ];
}
