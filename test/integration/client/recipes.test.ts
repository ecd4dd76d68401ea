/** Runs the recipes of `docs/querying.md` against the embedded server. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  type AttributeValue,
  type DynamoDBClient,
  ExecuteStatementCommand,
  GetItemCommand,
  QueryCommand,
  type QueryCommandInput,
} from '@aws-sdk/client-dynamodb';
import { ATTRIBUTES, INDEXES } from '../../../core/names';
import { ROW_FIELDS } from '../../../core/rakuten/postback/fields';
import { INDEX_KEYS, parseLineId, TABLE_KEYS } from '../../../core/transactions/keys';
import { STORED_FIELDS } from '../../../core/transactions/row';
import { dynamoDbClient } from '../../../local/embedded/clients';
import { Application, environment } from '../../support/application';
import { startCloudFormation } from '../../support/cloudformation-server';
import { IS_EMBEDDED, startTestDynamoDb } from '../../support/dynamodb';
import {
  awsCall,
  boto3Query,
  type Call,
  codes,
  consoleQueries,
  countCodeBlocks,
  partiqlQuery,
  type Recipe,
  readRecipes,
  shellWords,
} from '../../support/recipe-text';
import { IDS, SID, seedTable } from '../../support/seed';
import { runIn } from '../../support/terminal';

const run = promisify(execFile);
const ROOT = join(__dirname, '../../..');
const TABLE = 'Transactions';
const PAGE = readFileSync(join(ROOT, 'docs/querying.md'), 'utf8');
const RECIPES = readRecipes(PAGE);

const ofLanguage = (language: string, prefix = ''): [string, Recipe][] =>
  RECIPES.filter((recipe) => recipe.language === language && recipe.name.startsWith(prefix)).map(
    (recipe) => [recipe.name, recipe],
  );

const succeeds = (command: string, args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;
const hasAwsCli = succeeds('aws', ['--version']);
const hasBoto3 = succeeds('python3', ['-c', 'import boto3']);

let server: Awaited<ReturnType<typeof startTestDynamoDb>>;
let cloudFormation: Awaited<ReturnType<typeof startCloudFormation>>;
let dynamodb: DynamoDBClient;
let application: Application;
let env: NodeJS.ProcessEnv;

/** The library reads days up to now, more of them each month. */
const NOW = Date.parse('2026-06-01T00:00:00.000Z');

beforeAll(async () => {
  const ahead = Date.now() - NOW;
  const realNow = Date.now;
  jest.spyOn(Date, 'now').mockImplementation(() => realNow() - ahead);
  server = await startTestDynamoDb();
  cloudFormation = await startCloudFormation({
    RakutenPostback: { outputs: { TableName: TABLE, StateTableName: 'State' }, tables: [] },
  });
  dynamodb = dynamoDbClient(server.endpoint);
  await seedTable(dynamodb, TABLE);
  application = await Application.create();
  const endpoints = { dynamodb: server.endpoint, tableName: TABLE, sid: SID };
  mkdirSync(join(application.folder, '.local'));
  writeFileSync(join(application.folder, '.local/endpoints.json'), JSON.stringify(endpoints));
  const clock = join(application.folder, 'clock.cjs');
  writeFileSync(clock, `const now = Date.now; Date.now = () => now() - ${ahead};`);
  env = {
    ...environment(server.endpoint, TABLE),
    AWS_ENDPOINT_URL_CLOUDFORMATION: cloudFormation.endpoint,
    NODE_OPTIONS: `--require ${clock}`,
  };
});

afterAll(async () => {
  jest.restoreAllMocks();
  dynamodb.destroy();
  await cloudFormation.close();
  await server.close();
  application.remove();
});

/** DynamoDB returns lines of the same sort key in no promised order. */
const sortedLines = (text: string): string[] => text.trimEnd().split('\n').sort();

async function itemsOf(input: QueryCommandInput): Promise<Record<string, AttributeValue>[]> {
  return (await dynamodb.send(new QueryCommand(input))).Items ?? [];
}

const ids = (items: Record<string, AttributeValue>[]): (string | undefined)[] =>
  items.map((item) => parseLineId(item.line_id?.S ?? '').etransactionId).sort();

/** The expected result of a question, in every tool. */
const ANSWERS = {
  memberInMarch: [
    IDS.bracelet,
    IDS.braceletReturn,
    IDS.tee,
    IDS.jeans,
    IDS.giftWrap,
    IDS.teeReturn,
  ].sort(),
  order: [IDS.tee, IDS.jeans, IDS.giftWrap, IDS.teeReturn].sort(),
  day: [IDS.braceletReturn],
  line: [IDS.bracelet],
};

test('every code block of the page is a recipe, and every recipe is run below', () => {
  expect(countCodeBlocks(PAGE)).toBe(RECIPES.length);
  expect(new Set(RECIPES.map((recipe) => recipe.name)).size).toBe(RECIPES.length);
  const tools = RECIPES.map((recipe) => `${recipe.language} ${recipe.name.split('-', 1)[0]}`);
  expect([...new Set(tools)].sort()).toEqual([
    'js js',
    'python python',
    'sh aws',
    'sh cli',
    'sql partiql',
  ]);
});

describe('the command line', () => {
  /** A text in the output of each command without an output on the page. */
  const expected: Record<string, string> = {
    'cli-member': 'W-100200300',
    'cli-order': 'partly returned',
    'cli-day': 'W-100200300',
    'cli-balances': '4 members',
    // Kinds are in the order of the lines, which are of the same time here.
    'cli-confirmed': 'verified, net: 900 JPY, 676.49 USD; commissions 27 JPY, 26.10 USD',
    'cli-reversed': '3 lines (3 return)',
    'cli-month': '2026-04  39001       USD       -12.50       -0.63',
    'cli-review': '3 unverified, 1 problems',
    'cli-recovered': 'verified, net: -1000 JPY; commissions -30 JPY',
    'cli-clicks': 'clk_NOTHING\n',
  };
  /** Number of lines of each file that is written. */
  const files: Record<string, number> = { 'cli-export': 14, 'cli-changed': 4 };

  beforeAll(() =>
    writeFileSync(join(application.folder, 'clicks.txt'), 'clk_TRAVEL_1\nclk_NOTHING\n'),
  );

  test.each(ofLanguage('sh', 'cli-'))('%s', async (recipe, { code, output }) => {
    const [npx, name, ...args] = shellWords(code);
    expect([npx, name]).toEqual(['npx', 'cdk-rakuten-postback']);
    const ran = await runIn(application.folder, [...args, '--local']);
    const notes =
      /^(\d+ lines in \w+\.csv|next export: --changed-since 2026-0[56]|1 of 2 clicks has).*\n/gm;
    expect({ exitCode: ran.exitCode, stderr: ran.stderr.replace(notes, '') }).toEqual({
      exitCode: 0,
      stderr: '',
    });
    const lines = files[recipe];
    if (lines !== undefined)
      expect(
        readFileSync(join(application.folder, args.at(-1) ?? ''), 'utf8').split('\n'),
      ).toHaveLength(lines);
    else if (output === undefined)
      expect(ran.stdout).toContain(expected[recipe] ?? 'a text for this recipe');
    else expect(ran.stdout).toBe(output);
  });
});

describe('the console', () => {
  const expected: Record<string, string[]> = {
    'Lines of a member in March': ANSWERS.memberInMarch,
    'Keys of the lines of an order': ANSWERS.order,
    'A transaction ID': ANSWERS.line,
    'Its confirmed line': ANSWERS.line,
    'Lines of a day': ANSWERS.day,
    'Lines of an evening': ANSWERS.day,
  };
  const queries = consoleQueries(PAGE, TABLE);

  test('the page has a row for each question', () => {
    expect(queries.map(({ question }) => question)).toEqual(Object.keys(expected));
  });

  test.each(queries)('$question', async ({ question, input }) => {
    expect(ids(await itemsOf(input))).toEqual(expected[question]);
  });
});

describe('JavaScript', () => {
  test.each(ofLanguage('js'))('%s', async (name, { code, output = '' }) => {
    const stdout = await application.run(process.execPath, `${name}.mjs`, code, env);
    expect(sortedLines(stdout)).toEqual(sortedLines(output));
  });
});

describe('the AWS CLI', () => {
  const [table, ...calls] = ofLanguage('sh', 'aws-');
  const expected: Record<string, string[] | number> = {
    'aws-member': ANSWERS.memberInMarch,
    'aws-verified': [IDS.hotel],
    'aws-order': ANSWERS.order,
    'aws-line': ANSWERS.line,
    'aws-day': ANSWERS.day,
    'aws-count': 9,
    'aws-transaction': ANSWERS.line,
    'aws-changed': ANSWERS.day,
    'aws-recovered': [IDS.matchaReturn],
    'aws-unverified': [IDS.noise, IDS.unreadable],
    'aws-verified-since': ANSWERS.day,
    'aws-attention': [IDS.unreadable],
    'aws-click': 1,
  };

  test('the page has a command for each question', () => {
    expect(calls.map(([name]) => name)).toEqual(Object.keys(expected));
  });

  test.each(calls)('%s, as a call of the SDK', async (name, { code }) => {
    expect(answerOf(await send(awsCall(code, TABLE)))).toEqual(expected[name]);
  });

  (hasAwsCli ? test : test.skip).each(calls)(
    '%s, by the AWS CLI itself',
    async (name, { code }) => {
      const { stdout } = await run('bash', ['-c', code], { cwd: application.folder, env });
      expect(answerOf(JSON.parse(stdout))).toEqual(expected[name]);
    },
  );

  test('the name of the table comes from the stack', async () => {
    const code = table?.[1].code ?? '';
    expect(code).toContain('--stack-name RakutenPostback ');
    expect(code).toContain("OutputKey=='TableName'");
    if (!hasAwsCli) return;
    const { stdout } = await run('bash', ['-c', `${code}\necho "$TABLE"`], {
      cwd: application.folder,
      env: { ...env, TABLE: 'none' },
    });
    expect(stdout).toBe(`${TABLE}\n`);
  });

  interface Answer {
    readonly Items?: Record<string, AttributeValue>[];
    readonly Item?: Record<string, AttributeValue>;
    readonly Count?: number;
  }

  async function send(call: Call): Promise<Answer> {
    return call.operation === 'query'
      ? dynamodb.send(new QueryCommand(call.input))
      : dynamodb.send(new GetItemCommand(call.input));
  }

  function answerOf({ Items, Item, Count }: Answer): (string | undefined)[] | number | undefined {
    if (Item !== undefined) return ids([Item]);
    return Items === undefined ? Count : ids(Items);
  }
});

describe('Python', () => {
  const expected: Record<string, string[]> = {
    'python-member': [IDS.hotelEvent, IDS.hotel, IDS.spaEvent].sort(),
    'python-order': ANSWERS.order,
    'python-day': ANSWERS.day,
  };

  test('the page has a script for each question', () => {
    expect(ofLanguage('python').map(([name]) => name)).toEqual(Object.keys(expected));
  });

  test.each(ofLanguage('python'))('%s, as a query of the SDK', async (name, { code }) => {
    expect(ids(await itemsOf(boto3Query(code, TABLE)))).toEqual(expected[name]);
  });

  (hasBoto3 ? test : test.skip).each(ofLanguage('python'))(
    '%s, by Python itself',
    async (name, { code, output = '' }) => {
      const stdout = await application.run('python3', `${name}.py`, code, env);
      expect(sortedLines(stdout)).toEqual(sortedLines(output));
    },
  );
});

describe('PartiQL', () => {
  const expected: Record<string, number> = {
    'partiql-member': 6,
    'partiql-order': 4,
    'partiql-day': 1,
    'partiql-transaction': 1,
    'partiql-changed': 1,
    'partiql-verified-since': 1,
    'partiql-recovered': 1,
    'partiql-unverified': 2,
    'partiql-problems': 1,
    'partiql-click': 3,
  };

  test.each(ofLanguage('sql'))(
    '%s names existing attributes, and its query finds the lines',
    async (name, { code }) => {
      const input = partiqlQuery(code);
      const known: readonly string[] = [...STORED_FIELDS, ...Object.values(ATTRIBUTES)];
      const selected = (input.ProjectionExpression ?? '').split(', ');
      expect(selected.filter((attribute) => !known.includes(attribute))).toEqual([]);
      const items = await itemsOf(input);
      expect(items).toHaveLength(expected[name] ?? -1);
      for (const item of items) expect(Object.keys(item).sort()).toEqual(selected.toSorted());
    },
  );

  // The embedded server knows no PartiQL.
  (IS_EMBEDDED ? test.skip : test).each(ofLanguage('sql'))(
    '%s, as a statement',
    async (name, { code }) => {
      const { Items = [] } = await dynamodb.send(new ExecuteStatementCommand({ Statement: code }));
      expect(Items).toHaveLength(expected[name] ?? -1);
      const asQuery = await itemsOf(partiqlQuery(code));
      expect(sortedItems(Items)).toEqual(sortedItems(asQuery));
    },
  );
});

const sortedItems = (items: readonly object[]): string[] =>
  items.map((item) => JSON.stringify(Object.entries(item).sort())).sort();

describe('the page about rows', () => {
  const rows = readFileSync(join(ROOT, 'docs/rows.md'), 'utf8');
  const attributeRows = [...rows.matchAll(/^\| ((?:`\w+`(?:, )?)+) \| ([A-Z]*) ?\|/gm)];
  const types = new Map(
    attributeRows.flatMap(([, names = '', type = '']) =>
      codes(names).map((name) => [name, type] as const),
    ),
  );

  test('explains every attribute, and no other', () => {
    expect([...types.keys()].sort()).toEqual(
      [...STORED_FIELDS, ...Object.values(ATTRIBUTES)].sort(),
    );
  });

  test('says which attributes are numbers', () => {
    for (const field of STORED_FIELDS)
      expect([field, types.get(field)]).toEqual([
        field,
        ROW_FIELDS[field] === 'decimal' ? 'N' : 'S',
      ]);
  });

  test('shows the keys of the table and of every index', () => {
    expect(rows).toContain(`| the table | \`${TABLE_KEYS.partition}\` | \`${TABLE_KEYS.sort}\` |`);
    for (const index of Object.values(INDEXES)) {
      const { partition, sort } = INDEX_KEYS[index];
      expect(rows).toContain(`| \`${index}\` | \`${partition}\` | \`${sort}\` |`);
    }
  });
});
