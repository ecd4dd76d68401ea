import { App } from 'aws-cdk-lib';
import { textOf } from '../../../tools/docs/pages';
import { checkedApps } from '../../../tools/iam/apps';
import { addMatrix } from '../../../tools/template/matrix';

interface Resource {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: a template has any shape
  readonly Properties?: any;
  readonly Metadata?: { readonly 'aws:cdk:path'?: string };
}
type Resources = Readonly<Record<string, Resource>>;

/** Actions by role. */
type Roles = ReadonlyMap<string, ReadonlySet<string>>;

/** The constructs of this package in the apps. */
const CONSTRUCTS = ['Postback', 'Relay'];

/** Resources of the stacks that together use every option. */
function everyOption(): Resources[] {
  const app = new App({ context: { 'aws:cdk:enable-path-metadata': true } });
  addMatrix(app);
  const stacks: Resources[] = app.synth().stacks.map(({ template }) => template.Resources);
  return [
    ...stacks,
    ...checkedApps().flatMap(({ templates }) => templates.map(({ Resources }) => Resources)),
  ];
}

/** Path below the construct, such as `Consumer/FunctionRole`. Nothing for resources of the user. */
function nameOf({ Metadata }: Resource): string | undefined {
  const [, construct = '', ...path] = Metadata?.['aws:cdk:path']?.split('/') ?? [];
  if (!CONSTRUCTS.includes(construct)) return undefined;
  return path
    .join('/')
    .replace(/\/Resource$/, '')
    .replace(/^(Transactions|Publisher)(?!\/)[^/]+/, '$1<Id>')
    .replace(/^Publisher\//, 'Publisher<Id>/');
}

function add(
  roles: Map<string, Set<string>>,
  name: string | undefined,
  actions: readonly string[],
): void {
  if (name !== undefined) roles.set(name, new Set([...(roles.get(name) ?? []), ...actions]));
}

function rolesOf(templates: readonly Resources[]): Roles {
  const roles = new Map<string, Set<string>>();
  for (const resources of templates) {
    for (const resource of Object.values(resources)) {
      const { Type, Properties } = resource;
      if (Type === 'AWS::IAM::Role') {
        const managed = (Properties.ManagedPolicyArns ?? []).map(
          (arn: unknown) => /([A-Za-z]+)"[^"]*$/.exec(JSON.stringify(arn))?.[1] ?? '',
        );
        add(roles, nameOf(resource), [
          ...managed,
          ...actionsOf(Properties.Policies?.map(({ PolicyDocument }: Policy) => PolicyDocument)),
        ]);
      }
      if (Type !== 'AWS::IAM::Policy') continue;
      for (const { Ref } of Properties.Roles)
        add(roles, nameOf(resources[Ref] as Resource), actionsOf([Properties.PolicyDocument]));
    }
  }
  return roles;
}

interface Policy {
  readonly PolicyDocument: {
    readonly Statement: readonly { readonly Action: string | readonly string[] }[];
  };
}

const actionsOf = (documents: readonly Policy['PolicyDocument'][] = []): string[] =>
  documents.flatMap(({ Statement }) =>
    Statement.flatMap(({ Action }) => [Action].flat() as string[]),
  );

/**
 * The table of a page below a heading: a row without a role goes on with the roles of the row
 * before.
 */
function rolesOnPage(page: string, heading: string): Roles {
  const roles = new Map<string, Set<string>>();
  const [, section = ''] = textOf(page).split(`\n${heading}\n`);
  const table = section.split('\n').filter((line) => line.startsWith('|'));
  let names: string[] = [];
  for (const [, role = '', may = ''] of table.slice(2).map((line) => line.split('|'))) {
    if (/^-+$/.test(may)) break;
    if (role.trim() !== '') names = codes(role);
    for (const name of names) add(roles, name, codes(may));
  }
  return roles;
}

const codes = (cell: string): string[] =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => String(code));

let templates: Resources[];
beforeAll(() => {
  templates = everyOption();
});

describe('the page about security', () => {
  let wanted: Roles;
  let listed: Roles;
  beforeAll(() => {
    wanted = rolesOf(templates);
    listed = rolesOnPage('docs/security.md', '## Who may do what');
  });

  it('lists every role that a template can have, and no other', () => {
    expect([...listed.keys()].sort()).toEqual([...wanted.keys()].sort());
  });

  it('lists every action of every role, and no other', () => {
    const inOrder = (roles: Roles) =>
      Object.fromEntries([...roles].map(([role, actions]) => [role, [...actions].sort()]));
    expect(inOrder(listed)).toEqual(inOrder(wanted));
  });
});

it('the page about permissions says what a person can do with each function, queue, table, secret, API and archive', () => {
  const types =
    /^AWS::(Lambda::Function|SQS::Queue|DynamoDB::GlobalTable|SecretsManager::Secret|ApiGateway::RestApi|S3::Bucket|KinesisFirehose::DeliveryStream)$/;
  const resources = templates.flatMap((template) =>
    Object.values(template).filter(({ Type }) => types.test(Type)),
  );
  const names = new Set(resources.flatMap((resource) => nameOf(resource) ?? []));
  expect(names.size).toBeGreaterThan(12);
  const mentioned = new Set(codes(textOf('docs/permissions.md')));
  expect([...names].filter((name) => !mentioned.has(name))).toEqual([]);
});
