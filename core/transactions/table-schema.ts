import { INDEX_KEYS, TABLE_KEYS } from './keys';

/**
 * Keys and indexes of a table, as CloudFormation and `DescribeTable` write them. A part that is not
 * known, such as an intrinsic function in a template, is accepted.
 */
export interface TableSchema {
  readonly KeySchema?: unknown;
  readonly AttributeDefinitions?: unknown;
  readonly GlobalSecondaryIndexes?: unknown;
}

export type IndexName = keyof typeof INDEX_KEYS;
export const INDEX_NAMES = Object.keys(INDEX_KEYS) as IndexName[];

interface Keys {
  readonly partition: string;
  readonly sort: string;
}

/**
 * Everything that keeps a table from holding and finding rows, in words. Empty for a good table.
 */
export function schemaProblems(schema: TableSchema): string[] {
  if (keyNames(schema.KeySchema) === undefined) return [];
  const problems = [
    tableKeyProblem(schema),
    ...INDEX_NAMES.map((name) => indexProblem(name, schema)),
  ];
  return problems.filter((problem) => problem !== undefined);
}

/** What is wrong with the table's own key, or with the type of any key attribute. */
export function tableKeyProblem(schema: TableSchema): string | undefined {
  return (
    keyProblem('the table', schema.KeySchema, TABLE_KEYS) ??
    typeProblem(schema.AttributeDefinitions)
  );
}

/** What is wrong with one index: absent, other keys, or too few projected attributes. */
export function indexProblem(
  name: IndexName,
  { GlobalSecondaryIndexes = [] }: TableSchema,
): string | undefined {
  const indexes = listOf(GlobalSecondaryIndexes);
  if (indexes === undefined) return undefined;
  const index = indexes.find(({ IndexName }) => IndexName === name);
  // One whose name is not known may be the one.
  if (index === undefined)
    return indexes.every(({ IndexName }) => typeof IndexName === 'string')
      ? `${name} is missing`
      : undefined;
  const keys = INDEX_KEYS[name];
  return (
    keyProblem(name, index.KeySchema, keys) ??
    projectionProblem(name, index.Projection, keys.projected)
  );
}

function keyProblem(what: string, schema: unknown, { partition, sort }: Keys): string | undefined {
  const names = keyNames(schema);
  if (names === undefined || names.join() === `${partition},${sort}`) return undefined;
  return `${what} has the key ${names.join(' and ')} instead of ${partition} and ${sort}`;
}

const KEY_ATTRIBUTES = new Set(
  [TABLE_KEYS, ...Object.values(INDEX_KEYS)].flatMap(({ partition, sort }): string[] => [
    partition,
    sort,
  ]),
);

function typeProblem(definitions: unknown): string | undefined {
  const wrong = (listOf(definitions) ?? []).filter(
    ({ AttributeName, AttributeType }) =>
      KEY_ATTRIBUTES.has(String(AttributeName)) &&
      typeof AttributeType === 'string' &&
      AttributeType !== 'S',
  );
  if (wrong.length === 0) return undefined;
  return wrong
    .map(
      ({ AttributeName, AttributeType }) =>
        `${AttributeName} has the type ${AttributeType} instead of S`,
    )
    .join(', ');
}

function projectionProblem(
  name: string,
  projection: unknown,
  projected: readonly string[],
): string | undefined {
  const { ProjectionType: type, NonKeyAttributes = [] } = (projection ?? {}) as Readonly<
    Record<string, unknown>
  >;
  if (type !== 'INCLUDE' && type !== 'KEYS_ONLY') return undefined;
  const carried: unknown = type === 'INCLUDE' ? NonKeyAttributes : [];
  if (!Array.isArray(carried) || carried.some((attribute) => typeof attribute !== 'string'))
    return undefined;
  const absent = projected.filter((attribute) => !carried.includes(attribute));
  return absent.length === 0 ? undefined : `${name} does not project ${absent.join(', ')}`;
}

function keyNames(schema: unknown): string[] | undefined {
  const names = listOf(schema)?.map(({ AttributeName }) => AttributeName);
  return names?.every((name) => typeof name === 'string') ? names : undefined;
}

function listOf(value: unknown): Readonly<Record<string, unknown>>[] | undefined {
  return Array.isArray(value) ? value : undefined;
}
