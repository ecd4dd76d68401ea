/**
 * Reads the recipes of `docs/querying.md`, and translates those of other tools into calls of the
 * SDK.
 */
import type {
  AttributeValue,
  GetItemCommandInput,
  QueryCommandInput,
} from '@aws-sdk/client-dynamodb';
import { INDEX_KEYS, TABLE_KEYS } from '../../core/transactions/keys';

export interface Recipe {
  readonly name: string;
  readonly language: string;
  readonly code: string;
  /** The output that the page shows. */
  readonly output?: string;
}

/** The marked code blocks of a page. */
export function readRecipes(markdown: string): Recipe[] {
  const marked = /<!-- recipe: (\S+) -->\n```(\w+)\n([\s\S]*?)```\n(?:\n```text\n([\s\S]*?)```)?/g;
  return [...markdown.matchAll(marked)].map(([, name = '', language = '', code = '', output]) => ({
    name,
    language,
    code,
    output,
  }));
}

/** Number of code blocks that are not an output, marked or not. */
export const countCodeBlocks = (markdown: string): number =>
  [...markdown.matchAll(/^```(?!text)\w+$/gm)].length;

export type Call =
  | { readonly operation: 'query'; readonly input: QueryCommandInput }
  | { readonly operation: 'get-item'; readonly input: GetItemCommandInput };

type Input = Record<string, unknown>;

/** `aws dynamodb query --table-name "$TABLE" …` as a call of the SDK. */
export function awsCall(command: string, table: string): Call {
  const [aws, service, operation = '', ...rest] = shellWords(command).map((word) =>
    word.replaceAll('$TABLE', table),
  );
  if (aws !== 'aws' || service !== 'dynamodb')
    throw new Error(`not an aws dynamodb command: ${command}`);
  const input: Input = {};
  while (rest.length > 0) {
    const flag = rest.shift() ?? '';
    const value = rest.shift() ?? '';
    if (!/^--[a-z-]+$/.test(flag)) throw new Error(`not a flag: ${flag}`);
    const name = flag
      .slice(2)
      .replace(/(^|-)(.)/g, (_match, _dash, letter: string) => letter.toUpperCase());
    input[name] = /^(\{|\d)/.test(value) ? JSON.parse(value) : value;
  }
  return asCall(operation, input);
}

function asCall(operation: string, input: Input): Call {
  if (operation === 'query') return { operation, input: input as unknown as QueryCommandInput };
  if (operation === 'get-item')
    return { operation, input: input as unknown as GetItemCommandInput };
  throw new Error(`no recipe should need ${operation}`);
}

/**
 * The words of one command, as a shell splits them: quotes, and a backslash at the end of a line.
 */
export function shellWords(command: string): string[] {
  const words = command.replaceAll('\\\n', ' ').match(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g) ?? [];
  return words.map((word) =>
    word.replace(/'([^']*)'|"([^"]*)"/g, (_match, single, double) => single ?? double),
  );
}

/** The query of a recipe that uses boto3's tables. */
export function boto3Query(code: string, table: string): QueryCommandInput {
  const index = /IndexName="([^"]+)"/.exec(code)?.[1];
  const input: Input = { TableName: table, ...(index === undefined ? {} : { IndexName: index }) };
  const values: Record<string, AttributeValue> = {};
  const names: Record<string, string> = {};
  for (const [argument, builder] of [
    ['KeyConditionExpression', 'Key'],
    ['FilterExpression', 'Attr'],
  ] as const) {
    const text = new RegExp(`${argument}=(.+),$`, 'm').exec(code)?.[1];
    if (text === undefined) continue;
    const conditions = text
      .split(' & ')
      .map((condition) => boto3Condition(condition, builder, values, names));
    input[argument] = conditions.join(' AND ');
  }
  return {
    ...input,
    ExpressionAttributeValues: values,
    ExpressionAttributeNames: names,
  } as unknown as QueryCommandInput;
}

function boto3Condition(
  text: string,
  builder: string,
  values: Record<string, AttributeValue>,
  names: Record<string, string>,
): string {
  const [, attribute = '', operator = '', args = ''] =
    new RegExp(`^${builder}\\("(\\w+)"\\)\\.(eq|between|begins_with)\\((.*)\\)$`).exec(text) ?? [];
  if (attribute === '') throw new Error(`not understood: ${text}`);
  names[`#${attribute}`] = attribute;
  const slots = [...args.matchAll(/"([^"]*)"/g)].map(([, value = ''], index) => {
    values[`:${attribute}${index}`] = { S: value };
    return `:${attribute}${index}`;
  });
  if (operator === 'begins_with') return `begins_with(#${attribute}, ${slots[0]})`;
  return operator === 'eq'
    ? `#${attribute} = ${slots[0]}`
    : `#${attribute} BETWEEN ${slots.join(' AND ')}`;
}

/** The query of a `SELECT` whose `WHERE` fixes a partition key. */
export function partiqlQuery(statement: string): QueryCommandInput {
  const pattern = /^SELECT ([\w, ]+)\nFROM "([\w-]+)"(?:\."([\w-]+)")?\nWHERE ([\s\S]+)$/;
  const [, selected = '', table, index, where = ''] = pattern.exec(statement.trim()) ?? [];
  const values: Record<string, AttributeValue> = {};
  const condition = where.replace(/'([^']*)'/g, (_match, value: string) => {
    const slot = `:v${Object.keys(values).length}`;
    values[slot] = { S: value };
    return slot;
  });
  const names: Record<string, string> = {};
  const expression = condition
    .replace(/(\w+) IS MISSING/g, 'attribute_not_exists($1)')
    .replace(/(\w+) IS NOT MISSING/g, 'attribute_exists($1)')
    // Quoted, as it is a reserved word.
    .replace(/"(\w+)"/g, (_match, name: string) => {
      names[`#${name}`] = name;
      return `#${name}`;
    });
  return {
    TableName: table,
    ...(index === undefined ? {} : { IndexName: index }),
    ...splitConditions(expression, index),
    ProjectionExpression: selected,
    ExpressionAttributeValues: values,
    ...(Object.keys(names).length === 0 ? {} : { ExpressionAttributeNames: names }),
  };
}

/**
 * Conditions on the keys, and the others as a filter. The second value of `BETWEEN` begins with
 * `:`.
 */
function splitConditions(
  where: string,
  index: string | undefined,
): Pick<QueryCommandInput, 'KeyConditionExpression' | 'FilterExpression'> {
  const keys = Object.values(
    index === undefined ? TABLE_KEYS : INDEX_KEYS[index as keyof typeof INDEX_KEYS],
  );
  const conditions = where.split(/ AND (?!:)/);
  const isKey = (condition: string): boolean =>
    keys.some((key) => condition.startsWith(`${key} `) || condition.includes(`(${key},`));
  const filters = conditions.filter((condition) => !isKey(condition));
  return {
    KeyConditionExpression: conditions.filter(isKey).join(' AND '),
    ...(filters.length === 0 ? {} : { FilterExpression: filters.join(' AND ') }),
  };
}

/** The queries of the console's table: index, partition key and condition of the sort key. */
export function consoleQueries(
  markdown: string,
  table: string,
): { question: string; input: QueryCommandInput }[] {
  const [, rows = ''] = /<!-- recipes: console -->\n\n((?:\|.*\n)+)/.exec(markdown) ?? [];
  const cells = rows.split('\n').map((row) => row.split('|').map((cell) => cell.trim()));
  return cells.slice(2, -1).map(([, question = '', place = '', partition = '', sort = '']) => {
    const values: Record<string, AttributeValue> = {};
    const slot = (value = ''): string => {
      const name = `:v${Object.keys(values).length}`;
      values[name] = { S: value };
      return name;
    };
    const [key, value] = codes(partition);
    const conditions = [
      `${key} = ${slot(value)}`,
      ...(sort === '' ? [] : [consoleSort(sort, slot)]),
    ];
    const [index] = codes(place);
    return {
      question,
      input: {
        TableName: table,
        ...(index === undefined ? {} : { IndexName: index }),
        KeyConditionExpression: conditions.join(' AND '),
        ExpressionAttributeValues: values,
      },
    };
  });
}

function consoleSort(text: string, slot: (value?: string) => string): string {
  const [key, first, second] = codes(text);
  if (text.includes('*Between*')) return `${key} BETWEEN ${slot(first)} AND ${slot(second)}`;
  if (text.includes('*Greater than or equal to*')) return `${key} >= ${slot(first)}`;
  if (text.includes('*Begins with*')) return `begins_with(${key}, ${slot(first)})`;
  if (text.includes('*Equal to*')) return `${key} = ${slot(first)}`;
  throw new Error(`not a condition that the console offers: ${text}`);
}

/** The texts in backticks. */
export const codes = (cell: string): string[] =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
