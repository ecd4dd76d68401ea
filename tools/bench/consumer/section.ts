import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CreateTableCommand, PutItemCommand, waitUntilTableExists } from '@aws-sdk/client-dynamodb';
import { createStateTableInput, createTableInput } from '../../../core/state/table';
import { dynamoDbClient } from '../../../local/embedded/clients';
import { startDynamoDb } from '../../../local/embedded/dynamodb';
import { interleave } from '../interleave';
import {
  type BenchOptions,
  type Block,
  digits,
  type Section,
  type TableBlock,
  thousands,
} from '../report/section';
import { ratioInWords, ratios, summary } from '../statistics';
import { startEndpoint } from './endpoint';
import { Environment, type Run, STATE_TABLE, TABLE } from './environment';
import { STATE_ITEM } from './traffic';

const ROOT = join(__dirname, '..', '..', '..');
const SERVICE_MILLIS = 10;
const GOALS = { timesThePlainOne: 5, cpuToMarshalAlone: 1.5 };
const BATCH_SIZES = [1, 10, 50, 100, 1000];
/** Least number of messages of each batch size. The plain handler takes 10 ms for each. */
const MESSAGES_PER_RUN = 200;

type Bundles = Record<
  'consumer' | 'plain' | 'marshal-alone' | 'marshal-with-defaults' | 'parse-alone',
  string
>;

export const consumer: Section = {
  name: 'consumer',
  title: 'The consumer: throughput, processor time and memory',
  async run(options) {
    const folder = await mkdtemp(join(tmpdir(), 'postback-bench-'));
    try {
      const bundles = await bundle(folder);
      const blocks: Block[] = [];
      blocks.push(
        ...(await throughput(bundles, options)),
        ...(await processorTime(bundles, options)),
        ...(await onDynalite(bundles, options)),
      );
      return blocks;
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};

async function bundle(folder: string): Promise<Bundles> {
  const run = promisify(execFile);
  const build = join(ROOT, 'tools', 'build-lambda.mjs');
  await run(process.execPath, [build, join(ROOT, 'lambda'), join(folder, 'functions')]);
  await run(process.execPath, [build, join(__dirname, 'handlers'), join(folder, 'compared')]);
  const compared = (name: string): string => join(folder, 'compared', name, 'index.js');
  return {
    consumer: join(folder, 'functions', 'consumer', 'index.js'),
    plain: compared('plain'),
    'marshal-alone': compared('marshal-alone'),
    'marshal-with-defaults': compared('marshal-with-defaults'),
    'parse-alone': compared('parse-alone'),
  };
}

/** Against a database that takes 10 ms for each call. */
async function throughput(bundles: Bundles, options: BenchOptions): Promise<Block[]> {
  const endpoint = await startEndpoint(SERVICE_MILLIS, STATE_ITEM);
  const table = await byBatchSize(bundles, endpoint.endpoint, options);
  await endpoint.close();
  return [
    `One environment of the function's own bundle against an endpoint that answers each call after ${SERVICE_MILLIS} ms, beside a handler that sends one PutItem after the other. Goal: at least ${GOALS.timesThePlainOne} times as many. MB is the most resident memory of the process, Node's own some 50 MB included.`,
    table,
  ];
}

/** The consumer and the plain handler against one database. */
async function byBatchSize(
  bundles: Bundles,
  endpoint: string,
  { quick }: BenchOptions,
): Promise<TableBlock> {
  const rows: (string | number)[][] = [];
  for (const size of BATCH_SIZES) {
    // A process for each batch size, so that its memory is what that size takes.
    const environments = environmentsOf(bundles, ['plain', 'consumer'], endpoint);
    const batches = Math.max(1, (quick ? 50 : MESSAGES_PER_RUN) / size);
    for (const environment of environments.values()) await environment.run(size, 1);
    const measured = await interleave<Run>({
      contenders: ['plain', 'consumer'],
      measure: (name) => (environments.get(name) as Environment).run(size, batches),
      value: (run) => run.messagesPerSecond,
      minRounds: quick ? 1 : 5,
      maxRounds: quick ? 1 : 9,
      tolerance: 0.1,
    });
    await closeAll(environments);
    const speed = (name: string): number[] =>
      (measured.get(name) ?? []).map((run) => run.messagesPerSecond);
    const memory = (name: string): string =>
      digits(Math.max(...(measured.get(name) ?? []).map((run) => run.peakMegabytes)), 0);
    const { min, median, max } = summary(ratios(speed('consumer'), speed('plain')));
    rows.push([
      size,
      thousands(summary(speed('plain')).median),
      thousands(summary(speed('consumer')).median),
      `${digits(min, 1)} / ${digits(median, 1)} / ${digits(max, 1)}`,
      memory('plain'),
      memory('consumer'),
    ]);
  }
  return {
    head: [
      'messages in a batch',
      'plain, messages/s',
      'consumer, messages/s',
      'times as many: min / median / max',
      'plain, MB',
      'consumer, MB',
    ],
    rows,
  };
}

async function processorTime(bundles: Bundles, { quick }: BenchOptions): Promise<Block[]> {
  const endpoint = await startEndpoint(0, STATE_ITEM);
  const names = [
    'parse-alone',
    'marshal-alone',
    'marshal-with-defaults',
    'plain',
    'consumer',
  ] as const;
  const environments = environmentsOf(bundles, names, endpoint.endpoint);
  const batches = quick ? 4 : 8;
  // The first runs are compiled while they run.
  for (const environment of environments.values()) await environment.run(50, batches);
  const measured = await interleave<Run>({
    contenders: names,
    measure: (name) => (environments.get(name) as Environment).run(50, batches),
    value: (run) => run.cpuPerMessage,
    minRounds: quick ? 2 : 9,
    maxRounds: quick ? 2 : 25,
    tolerance: 0.05,
  });
  await closeAll(environments);
  await endpoint.close();
  const cpu = (name: string): number[] =>
    (measured.get(name) ?? []).map((run) => run.cpuPerMessage);
  const TITLES: Record<(typeof names)[number], string> = {
    'parse-alone': 'parse, and the row as JSON: no SDK',
    'marshal-alone':
      "parse and marshal alone: the signed call of the consumer's client, answered without a network",
    'marshal-with-defaults': 'the same with a client as the SDK makes it',
    plain: 'the plain handler, over HTTP',
    consumer: 'the consumer, over HTTP',
  };
  const ratio = summary(ratios(cpu('consumer'), cpu('marshal-alone'))).median;
  return [
    `Processor time for each message in batches of 50, all threads of the process, against an endpoint in another process that answers at once. Goal: the consumer within ${GOALS.cpuToMarshalAlone} of parse and marshal alone: ${ratio <= GOALS.cpuToMarshalAlone ? 'met' : '**missed**'}.`,
    {
      head: [
        'handler',
        'ms: min / median / max',
        'to parse and marshal alone',
        'to the plain handler',
      ],
      rows: names.map((name) => {
        const { min, median, max } = summary(cpu(name));
        return [
          TITLES[name],
          `${digits(min, 3)} / ${digits(median, 3)} / ${digits(max, 3)}`,
          ratioInWords(ratios(cpu(name), cpu('marshal-alone'))),
          ratioInWords(ratios(cpu(name), cpu('plain'))),
        ];
      }),
    },
  ];
}

/** Against a real database on the same machine, which is the slower part. */
async function onDynalite(bundles: Bundles, options: BenchOptions): Promise<Block[]> {
  const server = await startDynamoDb();
  const client = dynamoDbClient(server.endpoint);
  for (const input of [createTableInput(TABLE), createStateTableInput(STATE_TABLE)]) {
    await client.send(new CreateTableCommand(input));
    await waitUntilTableExists(
      { client, maxWaitTime: 10, minDelay: 0.01 },
      { TableName: input.TableName },
    );
  }
  await client.send(new PutItemCommand({ TableName: STATE_TABLE, Item: STATE_ITEM }));
  const table = await byBatchSize(bundles, server.endpoint, options);
  client.destroy();
  await server.close();
  return [
    'The same against dynalite. Here the database is what is slow: it keeps three indexes in one thread of this machine, and doing more at once does not make that thread faster.',
    table,
  ];
}

const environmentsOf = (
  bundles: Bundles,
  names: readonly (keyof Bundles)[],
  endpoint: string,
): Map<string, Environment> =>
  new Map(names.map((name) => [name, new Environment(bundles[name], endpoint)]));

const closeAll = async (environments: ReadonlyMap<string, Environment>): Promise<void> => {
  await Promise.all([...environments.values()].map((environment) => environment.close()));
};
