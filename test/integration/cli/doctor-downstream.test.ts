import { CreateQueueCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { type App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { downstream } from '../../../cli/doctor/checks/downstream';
import { type DoctorContext, Examination } from '../../../cli/doctor/examination';
import { TransactionTarget } from '../../../lib';
import { LOCAL_CREDENTIALS, LOCAL_REGION, sqsClient } from '../../../local/embedded/clients';
import { startSqs } from '../../../local/embedded/sqs';
import { type Stacks, startCloudFormation } from '../../support/cloudformation-server';
import { withPostback } from '../../support/stacks';

interface StackOutput {
  readonly Value: unknown;
  readonly Export?: unknown;
}

/** Outputs of a stack with two pipes in another stack, by their keys, and their queues there. */
function pipesElsewhere() {
  const env = { region: 'us-east-1', account: '111122223333' };
  const { stack, postback } = withPostback({}, env);
  const pipeScope = new Stack(stack.node.root as App, 'Reader', { env });
  for (const id of ['Ledger', 'Mail'])
    postback.onTransaction(id, TransactionTarget.queue(new Queue(pipeScope, id)), { pipeScope });
  const outputs = Object.entries<StackOutput>(Template.fromStack(stack).toJSON().Outputs).filter(
    ([, { Export }]) => Export === undefined,
  );
  const queues = Object.values(Template.fromStack(pipeScope).findResources('AWS::SQS::Queue'));
  const names = queues.flatMap(({ Properties }) => Properties?.QueueName ?? []);
  return { outputs: Object.fromEntries(outputs), names };
}

describe('the check of discarded events', () => {
  let sqs: Awaited<ReturnType<typeof startSqs>>;
  let client: SQSClient;
  beforeAll(async () => {
    sqs = await startSqs();
    client = sqsClient(sqs.endpoint);
  });
  afterAll(async () => {
    client.destroy();
    await sqs.close();
  });

  async function queueWith(name: string, notes: number): Promise<string> {
    const { QueueUrl = '' } = await client.send(new CreateQueueCommand({ QueueName: name }));
    for (let i = 0; i < notes; i += 1)
      await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'note' }));
    return QueueUrl;
  }

  async function check(stacks: Stacks): Promise<unknown> {
    const cloudFormation = await startCloudFormation(stacks);
    const aws = (service: string) => ({
      region: LOCAL_REGION,
      credentials: LOCAL_CREDENTIALS,
      endpoint: service === 'sqs' ? sqs.endpoint : cloudFormation.endpoint,
    });
    const context = {
      installation: async () => ({ name: 'stack Shop', kind: 'stack', resources: {}, aws }),
    };
    try {
      return await downstream.run(new Examination(context as unknown as DoctorContext));
    } finally {
      await cloudFormation.close();
    }
  }

  const keys = Object.keys(pipesElsewhere().outputs);
  const found = [
    {
      what: 'Events given up, Ledger',
      status: 'problem',
      found: 'about 2 notes of events that the target did not take',
    },
    { what: 'Events given up, Mail', status: 'ok', found: 'none' },
  ];

  it('finds the pipes that pipeScope puts into another stack, by the outputs of the stack', async () => {
    const urls = [await queueWith('Ledger', 2), await queueWith('Mail', 0)];
    const outputs = Object.fromEntries(keys.map((key, i) => [key, urls[i] ?? '']));
    expect(
      await check({ Shop: { outputs: { ...outputs, TableName: 'rows' }, tables: [] } }),
    ).toMatchObject(found);
  });

  it('finds them if the installation is in a nested stack', async () => {
    const urls = [await queueWith('NestedLedger', 2), await queueWith('NestedMail', 0)];
    const outputs = Object.fromEntries(keys.map((key, i) => [key, urls[i] ?? '']));
    const resources = { Inner: ['AWS::CloudFormation::Stack', 'arn:nested'] } as const;
    const stacks: Stacks = {
      Shop: { outputs: {}, tables: [], resources },
      'arn:nested': { outputs, tables: [] },
    };
    expect(await check(stacks)).toMatchObject(found);
  });

  it('says so if there is no target', async () => {
    expect(await check({ Shop: { outputs: { TableName: 'rows' }, tables: [] } })).toEqual({
      status: 'ok',
      found: 'the stack has no target of onTransaction',
    });
  });
});

it('each pipe in another stack has an output with the URL of its dead-letter queue', () => {
  const { outputs, names } = pipesElsewhere();
  expect(names).toHaveLength(2);
  expect(Object.values(outputs).map(({ Value }) => Value)).toEqual(
    names.map((name) => ({
      'Fn::Join': [
        '',
        ['https://sqs.us-east-1.', { Ref: 'AWS::URLSuffix' }, `/111122223333/${name}`],
      ],
    })),
  );
});
