import { CfnResource, Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';

/** What IAM accepts for all inline policies of a role, without white space. */
const MAX_CHARACTERS = 10_240;

/** Length of a value that is known at deploy time only, such as an ARN of another stack. */
const UNKNOWN_VALUE = 'x'.repeat(100);
const PSEUDO_PARAMETERS: Record<string, string> = {
  'AWS::Partition': 'aws',
  'AWS::Region': 'ap-northeast-1',
  'AWS::AccountId': '111122223333',
  'AWS::URLSuffix': 'amazonaws.com',
};
const ARN_PREFIX = 'arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:';
/** What CloudFormation and Secrets Manager add to the logical ID. */
const NAME_SUFFIX = '-0123456789AB-AbCdEf';

/**
 * Errors about inline policies that IAM would reject while the stack is deployed. For a validation
 * at synthesis.
 */
export function policySizeErrors(role: iam.Role): string[] {
  const characters = inlinePoliciesOf(role).reduce<number>(
    (sum, document) => sum + rendered(document).length,
    0,
  );
  if (characters <= MAX_CHARACTERS) return [];
  return [
    `the inline policies of the role ${role.node.path} need about ${characters} characters, and IAM accepts ${MAX_CHARACTERS}. Use one KMS key for all credentials, ` +
      'or shorter names of secrets or parameters, or put some publishers into a second RakutenPostback with the same table',
  ];
}

function inlinePoliciesOf(role: iam.Role): unknown[] {
  const stack = Stack.of(role);
  const name = JSON.stringify(stack.resolve(role.roleName));
  return stack.node
    .findAll()
    .filter(isPolicy)
    .filter(({ roles }) =>
      (stack.resolve(roles) as unknown[] | undefined)?.some((one) => JSON.stringify(one) === name),
    )
    .map(({ policyDocument }) => stack.resolve(policyDocument));
}

const isPolicy = (construct: IConstruct): construct is iam.CfnPolicy =>
  CfnResource.isCfnResource(construct) && construct.cfnResourceType === 'AWS::IAM::Policy';

const rendered = (document: unknown): string => JSON.stringify(estimated(document));

/** CloudFormation names a resource after its logical ID. */
const generatedArn = (logicalId: string): string => ARN_PREFIX + logicalId + NAME_SUFFIX;

/** The value with a text of likely length for everything that CloudFormation fills in. */
function estimated(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => estimated(one));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const [name, argument] = entries[0] ?? [];
  if (entries.length === 1 && name === 'Fn::Join') {
    const [separator, parts] = argument as [string, unknown];
    return Array.isArray(parts)
      ? parts.map((part) => estimated(part)).join(separator)
      : UNKNOWN_VALUE;
  }
  if (entries.length === 1 && name === 'Ref')
    return PSEUDO_PARAMETERS[argument] ?? generatedArn(argument);
  if (entries.length === 1 && name === 'Fn::GetAtt') return generatedArn(argument[0]);
  if (entries.length === 1 && name?.startsWith('Fn::')) return UNKNOWN_VALUE;
  return Object.fromEntries(entries.map(([key, one]) => [key, estimated(one)]));
}
