import {
  CloudFormationClient,
  GetTemplateCommand,
  type ListStackResourcesCommand,
  type StackResourceSummary,
} from '@aws-sdk/client-cloudformation';
import { CfnResource, NestedStack, type Stack } from 'aws-cdk-lib';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { constructsIn, listResources, readResources } from '../../../cli/stack-resources';
import { REGISTRATION_RESOURCE_TYPE } from '../../../core/names';
import { RakutenPostback, type RakutenPostbackProps } from '../../../lib';
import { emptyStack, Resources } from '../../support/stacks';

type Deployed = Readonly<Record<string, Stack>>;

afterEach(() => jest.restoreAllMocks());

/** Answers of CloudFormation for these stacks, by the names under which they are asked for. */
function deployed(stacks: Deployed): CloudFormationClient {
  jest.spyOn(CloudFormationClient.prototype, 'send').mockImplementation((async (
    command: ListStackResourcesCommand | GetTemplateCommand,
  ) => {
    const name = command.input.StackName ?? '';
    const stack = stacks[name];
    if (stack === undefined) throw new Error(`there is no stack ${name}`);
    const resources = new Resources(stack);
    if (command instanceof GetTemplateCommand)
      return { TemplateBody: JSON.stringify(resources.template.toJSON()) };
    return {
      StackResourceSummaries: resources.all.map(({ logicalId, Type }) => summary(logicalId, Type)),
    };
  }) as never);
  return new CloudFormationClient({ region: 'us-east-1' });
}

const summary = (id: string, type: string): StackResourceSummary => ({
  LogicalResourceId: id,
  ResourceType: type,
  PhysicalResourceId:
    type === 'AWS::CloudFormation::Stack'
      ? 'arn:nested'
      : type === REGISTRATION_RESOURCE_TYPE
        ? 'rakuten-postback-3900112'
        : `the ${id}`,
  ResourceStatus: 'CREATE_COMPLETE',
  LastUpdatedTimestamp: undefined,
});

const add = (scope: Stack, options: Pick<RakutenPostbackProps, 'archive'> = {}): RakutenPostback =>
  new RakutenPostback(scope, 'Postback', {
    ...options,
    publisher: {
      sid: '3900112',
      credentials: Secret.fromSecretNameV2(scope, 'Credentials', 'rakuten/api'),
    },
  });

const PARTS = [
  'archiveStreamName',
  'deadLetterQueueUrl',
  'queueUrl',
  'reconciliationFunctionName',
  'registrationFunctionName',
  'sid',
  'stateTableName',
  'statusWatchFunctionName',
];

describe('the parts of a RakutenPostback', () => {
  it('are found in a nested stack', async () => {
    const stack = emptyStack();
    const nested = new NestedStack(stack, 'Nested');
    add(nested);
    const found = await listResources(deployed({ Outer: stack, 'arn:nested': nested }), 'Outer');
    expect(constructsIn(found)).toEqual(['Postback']);
    expect(Object.keys(readResources(found)).sort()).toEqual(PARTS);
  });

  it('are found under logical IDs that the application chose', async () => {
    const stack = emptyStack();
    add(stack, { archive: {} });
    const usual = readResources(await listResources(deployed({ Own: stack }), 'Own'));
    const other = emptyStack();
    add(other, { archive: {} });
    let count = 0;
    const chosen = new Map<string, string>();
    for (const construct of other.node.findAll()) {
      if (!CfnResource.isCfnResource(construct)) continue;
      count += 1;
      const id = other.resolve(construct.logicalId) as string;
      construct.overrideLogicalId(`r${count}`);
      chosen.set(id, `r${count}`);
    }
    const found = readResources(await listResources(deployed({ Own: other }), 'Own'));
    expect(Object.keys(found).sort()).toEqual(PARTS);
    for (const [name, value] of Object.entries(usual).filter(([part]) => part !== 'sid'))
      expect(found[name as keyof typeof found]).toBe(
        `the ${chosen.get(value.replace('the ', ''))}`,
      );
  });

  it.each([
    ['queueUrl', 'PostbackQueue/Queue'],
    ['deadLetterQueueUrl', 'PostbackQueue/DeadLetterQueue'],
    ['stateTableName', 'StateTable/Table'],
    ['registrationFunctionName', 'RegistrationProvider/Function'],
  ] as const)(
    'are found if the application chose the logical ID of one resource, for %s',
    async (part, path) => {
      const stack = emptyStack();
      const resource = add(stack)
        .node.findChild(path.split('/')[0] ?? '')
        .node.findChild(path.split('/')[1] ?? '').node.defaultChild;
      if (!CfnResource.isCfnResource(resource)) throw new Error(`no resource is at ${path}`);
      resource.overrideLogicalId('Chosen');
      const found = readResources(await listResources(deployed({ Own: stack }), 'Own'));
      expect(Object.keys(found).sort()).toEqual(PARTS);
      expect(found[part]).toBe('the Chosen');
    },
  );

  it('have the delivery stream of the archive, or an empty name without an archive', async () => {
    const archiving = emptyStack();
    add(archiving, { archive: {} });
    const plain = emptyStack();
    add(plain);
    const client = deployed({ Archiving: archiving, Plain: plain });
    const found = readResources(await listResources(client, 'Archiving'));
    expect(found.archiveStreamName).toMatch(/^the PostbackArchiveStream[0-9A-F]{8}$/);
    expect(readResources(await listResources(client, 'Plain')).archiveStreamName).toBe('');
  });

  it('are found without the template if all logical IDs are generated', async () => {
    const stack = emptyStack();
    add(stack);
    const client = deployed({ Own: stack });
    await listResources(client, 'Own');
    expect(
      jest.mocked(client.send).mock.calls.map(([command]) => command.constructor.name),
    ).toEqual(['ListStackResourcesCommand']);
  });
});
