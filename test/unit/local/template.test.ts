// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Fn::Sub's own syntax.
import type { Template } from '../../../local/template/assembly';
import type { ProvisionContext } from '../../../local/template/context';
import { Resolver } from '../../../local/template/intrinsics';
import { creationOrder } from '../../../local/template/order';
import { provision } from '../../../local/template/provision';

const made = new Map([
  ['Queue', { ref: 'http://queue', attributes: { Arn: 'arn:queue', 'Nested.Name': 'nested' } }],
]);
const resolver = new Resolver('Stack', made);

describe('intrinsic functions', () => {
  it.each<[unknown, unknown]>([
    [{ Ref: 'Queue' }, 'http://queue'],
    [{ Ref: 'AWS::AccountId' }, '000000000000'],
    [{ 'Fn::GetAtt': ['Queue', 'Arn'] }, 'arn:queue'],
    [{ 'Fn::GetAtt': ['Queue', 'Nested.Name'] }, 'nested'],
    [{ 'Fn::Join': ['/', ['a', { Ref: 'AWS::Region' }, 1]] }, 'a/us-east-1/1'],
    [
      { 'Fn::Sub': '${Queue}|${Queue.Arn}|${!Literal}|${AWS::Partition}' },
      'http://queue|arn:queue|${Literal}|aws',
    ],
    [{ 'Fn::Sub': ['${x}-${Queue}', { x: { Ref: 'AWS::StackName' } }] }, 'Stack-http://queue'],
    [{ a: { Ref: 'AWS::NoValue' }, b: [{ Ref: 'AWS::NoValue' }, 1] }, { b: [1] }],
    [
      { Ref: 'Queue', Other: 1 },
      { Ref: 'Queue', Other: 1 },
    ],
    [null, null],
  ])('%j', (value, expected) => {
    expect(resolver.resolve(value)).toEqual(expected);
  });

  it.each<[unknown, RegExp]>([
    [{ Ref: 'Nowhere' }, /Ref to Nowhere, which was not made/],
    [{ 'Fn::GetAtt': ['Queue', 'Size'] }, /Queue\.Size/],
    [{ 'Fn::ImportValue': 'x' }, /Fn::ImportValue is not known here/],
  ])('%j is refused in words', (value, message) => {
    expect(() => resolver.resolve(value)).toThrow(message);
  });
});

describe('the order of creation', () => {
  it('puts each resource behind what it names, in any way of naming', () => {
    const order = creationOrder({
      Resources: {
        A: { Type: 't', Properties: { x: { 'Fn::GetAtt': ['B', 'Arn'] } } },
        B: { Type: 't', Properties: { x: [{ 'Fn::Sub': '${C}-x' }] } },
        C: { Type: 't', DependsOn: ['D'], Properties: { region: { Ref: 'AWS::Region' } } },
        D: { Type: 't', Properties: { x: { 'Fn::GetAtt': ['E', 'Arn'] } } },
        E: { Type: 't' },
      },
    });
    expect(order).toEqual(['E', 'D', 'C', 'B', 'A']);
  });

  it('refuses a circle', () => {
    const circle = {
      A: { Type: 't', DependsOn: 'B' },
      B: { Type: 't', Properties: { x: { Ref: 'A' } } },
    };
    expect(() => creationOrder({ Resources: circle })).toThrow('A → B → A');
  });
});

describe('provisioning', () => {
  const run = (Resources: Template['Resources']) =>
    provision({ stackName: 'Stack', template: { Resources }, assetPath: () => undefined }, {
      functions: new Map(),
    } as unknown as ProvisionContext);

  it('names a resource type that it does not know, and where to add it', async () => {
    await expect(run({ Bus: { Type: 'AWS::Events::EventBus' } })).rejects.toThrow(
      /^Bus: .*AWS::Events::EventBus.*local\/template/,
    );
  });

  it('names a function whose code is missing', async () => {
    const Properties = { Code: { S3Key: 'abc.zip' }, Handler: 'index.handler' };
    await expect(run({ Fn: { Type: 'AWS::Lambda::Function', Properties } })).rejects.toThrow(
      'Fn: its code abc.zip is not among the assets',
    );
  });

  it('names a custom resource that no function of the stack serves', async () => {
    await expect(
      run({ Thing: { Type: 'Custom::Thing', Properties: { ServiceToken: 'arn:x' } } }),
    ).rejects.toThrow(/^Thing: .*arn:x/);
  });

  it('makes nothing for a type that does not matter here', async () => {
    const { resources } = await run({ Role: { Type: 'AWS::IAM::Role' } });
    expect([...resources.keys()]).toEqual(['Role']);
  });
});
