import {
  CloudFormationClient,
  DescribeStacksCommand,
  type Output,
  type StackResourceSummary,
} from '@aws-sdk/client-cloudformation';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { TABLE_KEYS } from '../core/transactions/keys';
import { CliError } from './errors';
import {
  type AwsConfig,
  type Installation,
  RESOURCES,
  type ResourceName,
  type Resources,
  severalConstructs,
} from './installation';
import {
  constructsIn,
  FOUND_IN_STACK,
  listResources,
  readResources,
  withoutHash,
} from './stack-resources';

/**
 * A deployed stack. Its parts are outputs of exactly these names, else resources of the stack, else
 * outputs that were created inside a construct. So an output of another table or queue with a
 * similar name never replaces a resource of the stack.
 */
export async function stackInstallation(
  stackName: string,
  config: AwsConfig,
  construct?: string,
): Promise<Installation> {
  const cloudFormation = new CloudFormationClient(config);
  const outputs = await describeOutputs(cloudFormation, stackName);
  if (construct !== undefined)
    return installationOf(
      construct,
      stackName,
      outputs,
      await listResources(cloudFormation, stackName),
      config,
    );
  const exact = readOutputs(outputs.filter(isExact), stackName);
  const summaries = await resourcesBeside(exact, cloudFormation, stackName);
  const table =
    exact.tableName ??
    (await findTable(summaries, new DynamoDBClient(config), stackName, constructsIn(summaries)));
  // With the table found, what other outputs end like its name is nobody's concern.
  const others =
    table === undefined
      ? outputs
      : outputs.filter(({ OutputKey }) => resourceOf(OutputKey ?? '') !== 'tableName');
  const resources = {
    ...readOutputs(others, stackName),
    ...readResources(summaries),
    ...exact,
    ...(table && { tableName: table }),
  };
  if (resources.tableName === undefined) {
    throw new CliError(
      `stack ${stackName} has no transaction table (neither an output TableName nor such a table): give --table NAME`,
    );
  }
  return {
    name: `stack ${stackName}`,
    kind: 'stack',
    resources,
    constructs: constructsIn(summaries),
    aws: () => config,
  };
}

/** One of several in a stack: its own outputs and resources, and nothing of the others. */
async function installationOf(
  construct: string,
  stackName: string,
  outputs: readonly Output[],
  summaries: readonly StackResourceSummary[],
  config: AwsConfig,
): Promise<Installation> {
  const constructs = constructsIn(summaries);
  if (!constructs.includes(construct)) {
    const there = constructs.length === 0 ? 'it has none' : `it has ${constructs.join(', ')}`;
    throw new CliError(`stack ${stackName} has no RakutenPostback ${construct}: ${there}`);
  }
  const isOwn = ({ OutputKey = '' }: Output): boolean =>
    Object.values(RESOURCES).some((name) => withoutHash(OutputKey) === `${construct}${name}`);
  const isTableOf = (name: string, summary: StackResourceSummary): boolean =>
    withoutHash(summary.LogicalResourceId) === `${name}TransactionTable`;
  const own = summaries.filter((summary) => isTableOf(construct, summary));
  // One without a table of its own was given one.
  const given = summaries.filter((summary) => !constructs.some((name) => isTableOf(name, summary)));
  const tableName = await findTable(
    own.length > 0 ? own : given,
    new DynamoDBClient(config),
    stackName,
    [],
  );
  return {
    name: `stack ${stackName}, ${construct}`,
    kind: 'stack',
    resources: {
      ...readOutputs(outputs.filter(isOwn), stackName),
      ...readResources(summaries, construct),
      ...(tableName && { tableName }),
    },
    aws: () => config,
  };
}

const isExact = ({ OutputKey }: Output): boolean =>
  Object.values<string | undefined>(RESOURCES).includes(OutputKey);

/** The resources, unless the outputs already name all parts. */
async function resourcesBeside(
  outputs: Resources,
  client: CloudFormationClient,
  stackName: string,
): Promise<StackResourceSummary[]> {
  const wanted: readonly ResourceName[] = ['tableName', ...FOUND_IN_STACK];
  if (wanted.every((name) => outputs[name] !== undefined)) return [];
  try {
    return await listResources(client, stackName);
  } catch (error) {
    // Who may not list them can still ask the table that an output names; a command that needs more
    // says what it misses.
    if (
      outputs.tableName !== undefined &&
      error instanceof Error &&
      /^AccessDenied/.test(error.name)
    )
      return [];
    throw error;
  }
}

/** The outputs of one stack, without those of its nested stacks. */
export async function describeOutputs(
  client: CloudFormationClient,
  stackName: string,
): Promise<Output[]> {
  try {
    const { Stacks: [stack] = [] } = await client.send(
      new DescribeStacksCommand({ StackName: stackName }),
    );
    return stack?.Outputs ?? [];
  } catch (cause) {
    if (!(cause instanceof Error) || !/does not exist/.test(cause.message)) throw cause;
    const region = await client.config.region();
    throw new CliError(
      `there is no stack ${stackName} in ${region}: name it with --stack, its region with --region, or give the table's name with --table`,
      undefined,
      { cause },
    );
  }
}

/**
 * The parts that outputs name. An output has a logical ID: `TableName` in the app of this package,
 * and something like `PostbackTableName1A2B3C4D` if an application created it inside a construct.
 */
export function readOutputs(outputs: readonly Output[], stackName: string): Resources {
  const found: Partial<Record<ResourceName, string>> = {};
  for (const name of Object.keys(RESOURCES) as ResourceName[]) {
    const exact = outputs.filter(({ OutputKey }) => OutputKey === RESOURCES[name]);
    const candidates =
      exact.length > 0
        ? exact
        : outputs.filter(({ OutputKey = '' }) => resourceOf(OutputKey) === name);
    const values = new Set(candidates.flatMap(({ OutputValue }) => OutputValue ?? []));
    if (values.size > 1 && name === 'tableName') {
      throw new CliError(
        `stack ${stackName} has several tables (${[...values].join(', ')}): choose one with --table`,
      );
    }
    // Any other resource that is not unique is not known: a command that needs it says so.
    if (values.size === 1) [found[name]] = values;
  }
  return found;
}

/**
 * The resource an output inside a construct means: the longest name that it ends with, as
 * `StateTableName` ends with `TableName`. One without a hash is the stack's own.
 */
function resourceOf(outputKey: string): ResourceName | undefined {
  const path = withoutHash(outputKey);
  if (path === outputKey) return undefined;
  const names = (Object.keys(RESOURCES) as ResourceName[]).filter((name) =>
    path.endsWith(RESOURCES[name]),
  );
  return names.sort((a, b) => RESOURCES[b].length - RESOURCES[a].length)[0];
}

const TABLE_TYPES = ['AWS::DynamoDB::Table', 'AWS::DynamoDB::GlobalTable'];

async function findTable(
  summaries: readonly StackResourceSummary[],
  dynamodb: DynamoDBClient,
  stackName: string,
  constructs: readonly string[],
): Promise<string | undefined> {
  const tables: string[] = [];
  for (const { ResourceType = '', PhysicalResourceId } of summaries) {
    if (!TABLE_TYPES.includes(ResourceType) || PhysicalResourceId === undefined) continue;
    if (await isTransactionTable(dynamodb, PhysicalResourceId)) tables.push(PhysicalResourceId);
  }
  if (tables.length > 1) {
    if (constructs.length > 1)
      throw new CliError(`stack ${stackName} has ${severalConstructs(constructs)}`);
    throw new CliError(
      `stack ${stackName} has several tables (${tables.join(', ')}): choose one with --table`,
    );
  }
  return tables[0];
}

async function isTransactionTable(dynamodb: DynamoDBClient, tableName: string): Promise<boolean> {
  const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName: tableName }));
  const keys = (Table?.KeySchema ?? []).map((key) => key.AttributeName);
  return Object.values(TABLE_KEYS).every((key) => keys.includes(key));
}
