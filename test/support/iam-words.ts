import type { Template } from 'aws-cdk-lib/assertions';

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource?: unknown;
  readonly Principal?: unknown;
  readonly Condition?: unknown;
}

interface Resource {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: a template is what it is
  readonly Properties: any;
  readonly Metadata?: { readonly 'aws:cdk:path'?: string };
}

/** What a policy of a resource stands in. */
const RESOURCE_POLICIES = ['AWS::SQS::QueuePolicy', 'AWS::S3::BucketPolicy'];

/**
 * Every permission of a template as a sentence, sorted: who may (or must not) do what, on what,
 * under which condition. Resources are named by their construct paths below `root`. Templates need
 * path metadata for it (context `aws:cdk:enable-path-metadata`).
 */
export function permissionsInWords(template: Template, root: string): string[] {
  const resources = (template.toJSON() as { Resources: Record<string, Resource> }).Resources;
  const nameOf = (logicalId: string): string => pathOf(resources[logicalId], root) ?? logicalId;
  const words: string[] = [];
  for (const resource of Object.values(resources)) {
    const { Type, Properties } = resource;
    if (Type === 'AWS::IAM::Policy') {
      const who = Properties.Roles.map((role: unknown) => inWords(role, nameOf)).join(', ');
      for (const statement of Properties.PolicyDocument.Statement)
        words.push(sentence(who, statement, nameOf));
    } else if (Type === 'AWS::IAM::Role') {
      words.push(...roleInWords(resource, root, nameOf));
    } else if (Type === 'AWS::Lambda::Permission') {
      const { Action, FunctionName, Principal, SourceArn } = Properties;
      words.push(
        `${Principal} may ${Action} on ${inWords(FunctionName, nameOf)} for ${inWords(SourceArn, nameOf)}`,
      );
    } else if (
      Properties?.PolicyDocument !== undefined ||
      Properties?.ResourcePolicy !== undefined
    ) {
      if (!RESOURCE_POLICIES.includes(Type))
        throw new Error(`${Type} grants something that this does not put into words yet`);
      for (const statement of Properties.PolicyDocument.Statement)
        words.push(sentence(principal(statement.Principal), statement, nameOf));
    }
  }
  return words.sort();
}

function roleInWords(resource: Resource, root: string, nameOf: (id: string) => string): string[] {
  const { AssumeRolePolicyDocument, ManagedPolicyArns, Policies } = resource.Properties;
  const name = pathOf(resource, root);
  const words: string[] = AssumeRolePolicyDocument.Statement.map(
    (statement: Statement) =>
      `${principal(statement.Principal)} may act as ${name}${condition(statement.Condition)}`,
  );
  for (const arn of ManagedPolicyArns ?? [])
    words.push(`${name} has the managed policy ${inWords(arn, nameOf)}`);
  for (const policy of Policies ?? []) {
    for (const statement of policy.PolicyDocument.Statement)
      words.push(sentence(String(name), statement, nameOf));
  }
  return words;
}

function sentence(
  who: string,
  { Effect, Action, Resource, Condition }: Statement,
  nameOf: (id: string) => string,
): string {
  const verb = Effect === 'Allow' ? 'may' : 'must not';
  const what = [Action].flat().sort().join(', ');
  const on = [Resource].flat().map((resource) => inWords(resource, nameOf));
  return `${who} ${verb} ${what} on ${on.join(' and ')}${condition(Condition)}`;
}

function principal(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.values(value as Record<string, unknown>)
    .flat()
    .map((name) => (name === '*' ? 'anyone' : inWords(name, String)))
    .join(', ');
}

function condition(value: unknown): string {
  if (value === undefined) return '';
  const parts = Object.entries(value as Record<string, Record<string, unknown>>).flatMap(
    ([operator, keys]) =>
      Object.entries(keys).map(
        ([key, expected]) => `${key} ${operator} ${[expected].flat().join(' or ')}`,
      ),
  );
  return ` if ${parts.join(' and ')}`;
}

/** A reference as the name of what it refers to; a composed text with its parts named. */
function inWords(value: unknown, nameOf: (id: string) => string): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const [[intrinsic, argument]] = Object.entries(value) as [[string, unknown]];
  if (intrinsic === 'Ref')
    return String(argument).startsWith('AWS::')
      ? `<${String(argument).slice(5)}>`
      : nameOf(String(argument));
  if (intrinsic === 'Fn::GetAtt') return nameOf(String((argument as string[])[0]));
  if (intrinsic === 'Fn::Join') {
    const [separator, parts] = argument as [string, unknown[]];
    return parts.map((part) => inWords(part, nameOf)).join(separator);
  }
  throw new Error(`${intrinsic} cannot be put into words yet`);
}

function pathOf(resource: Resource | undefined, root: string): string | undefined {
  return resource?.Metadata?.['aws:cdk:path']
    ?.replace(`${root}/`, '')
    .replace(/\/(Resource|Default)$/, '');
}
