import type { CheckedApp } from './apps';
import { isOurs } from './calls-of-services';
import { ACCOUNT, type Deployed, type DeployedResource } from './deployed';

export type Conditions = Readonly<
  Record<string, Readonly<Record<string, string | readonly string[]>>>
>;

/** One action on one resource: the smallest part of a statement. */
export interface Permission {
  /** Construct path of the role, or of the resource with the policy. */
  readonly holder: string;
  /**
   * ARN of that role, when it is what a role may do; of that resource, when it is who may do it.
   */
  readonly arn: string;
  readonly kind: 'identity' | 'resource';
  readonly effect: 'Allow' | 'Deny';
  readonly principal?: unknown;
  readonly action: string;
  /** Undefined in the trust policy of a role. */
  readonly resource?: string;
  readonly conditions: Conditions;
  /** Whether the library granted it, not the app. */
  readonly isOurs: boolean;
}

interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: unknown;
  readonly Action: string | string[];
  readonly Resource?: string | string[];
  readonly Condition?: Conditions;
}

interface Policy {
  readonly holder: string;
  readonly arn: string;
  readonly kind: Permission['kind'];
  readonly isOurs: boolean;
  readonly statements: readonly Statement[];
}

/** Every permission of an app, each once. */
export function permissionsOf(app: CheckedApp, deployed: Deployed): Permission[] {
  const policies = [
    ...deployed.resources.flatMap((resource) => policiesOf(resource, deployed)),
    ...keysElsewhere(app),
  ];
  const all = policies.flatMap(({ statements, ...policy }) =>
    statements.flatMap(({ Effect, Principal, Action, Resource, Condition = {} }) =>
      [Action].flat().flatMap((action) =>
        [Resource].flat().map((resource) => ({
          ...policy,
          effect: Effect,
          principal: Principal,
          action,
          resource,
          conditions: Condition,
        })),
      ),
    ),
  );
  return [...new Map(all.map((permission) => [JSON.stringify(permission), permission])).values()];
}

/** Properties that grant something, on a type that `policiesOf` does not know. */
const GRANTING = ['PolicyDocument', 'Policy', 'ResourcePolicy', 'ResourcePolicyDocument'];

function policiesOf(resource: DeployedResource, deployed: Deployed): Policy[] {
  const { type, path, arn, properties } = resource;
  const on = (
    statements: readonly Statement[],
    to: { readonly path: string; readonly arn: string } = { path, arn },
  ): Policy => ({
    holder: to.path,
    arn: to.arn,
    kind: 'resource',
    isOurs: isOurs(path),
    statements,
  });
  switch (type) {
    case 'AWS::IAM::Role':
      if (properties.Policies !== undefined)
        throw new Error(`${path} has inline policies, which tools/iam does not read yet`);
      return [on(properties.AssumeRolePolicyDocument.Statement)];
    case 'AWS::IAM::Policy':
      return deployed
        .of('AWS::IAM::Role')
        .filter((role) =>
          properties.Roles.some((name: string) => role.arn.endsWith(`:role/${name}`)),
        )
        .map((role) => ({ ...on(properties.PolicyDocument.Statement, role), kind: 'identity' }));
    case 'AWS::SQS::QueuePolicy':
      return deployed
        .of('AWS::SQS::Queue')
        .filter((queue) =>
          properties.Queues.some((url: string) => url.endsWith(`/${queue.arn.split(':')[5]}`)),
        )
        .map((queue) => on(properties.PolicyDocument.Statement, queue));
    case 'AWS::S3::BucketPolicy':
      return [
        on(properties.PolicyDocument.Statement, { path, arn: `arn:aws:s3:::${properties.Bucket}` }),
      ];
    case 'AWS::KMS::Key':
      return [on(properties.KeyPolicy.Statement)];
    case 'AWS::ApiGateway::RestApi':
      return properties.Policy === undefined
        ? []
        : [on(properties.Policy.Statement.map((one: Statement) => onApi(one, arn)))];
    case 'AWS::Lambda::Permission':
      return [on([invocationBy(properties)], { path, arn: properties.FunctionName })];
    default:
      if (!GRANTING.some((name) => name in properties)) return [];
      throw new Error(`${path} is a ${type} with a policy, which tools/iam does not read yet`);
  }
}

/** API Gateway completes the ARN. */
const onApi = (statement: Statement, arn: string): Statement => ({
  ...statement,
  Resource: [statement.Resource ?? []]
    .flat()
    .map((resource) => resource.replace(/^execute-api:/, arn)),
});

/** What Lambda adds to the policy of the function. */
const invocationBy = ({
  Action,
  FunctionName,
  Principal,
  SourceArn,
}: Readonly<Record<string, string>>): Statement => ({
  Effect: 'Allow',
  Principal: { Service: Principal },
  Action: String(Action),
  Resource: FunctionName,
  Condition: { ArnLike: { 'aws:SourceArn': String(SourceArn) } },
});

/** A key that the app does not create has the policy that the CDK and the console write. */
const keysElsewhere = ({ keys = new Map() }: CheckedApp): Policy[] =>
  [...keys.values()].map((arn) => ({
    holder: arn,
    arn,
    kind: 'resource',
    isOurs: false,
    statements: [
      {
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
        Action: 'kms:*',
        Resource: '*',
      },
    ],
  }));

/** Managed policies of our roles. */
export const managedPolicies = (
  deployed: Deployed,
): { readonly role: string; readonly policy: string }[] =>
  deployed
    .of('AWS::IAM::Role')
    .filter(({ path }) => isOurs(path))
    .flatMap(({ path, properties }) =>
      (properties.ManagedPolicyArns ?? []).map((arn: string) => ({
        role: path,
        policy: arn.replace(/^.*\//, ''),
      })),
    );

export const permissionInWords = ({
  holder,
  kind,
  effect,
  action,
  resource,
  conditions,
}: Permission): string => {
  const where = kind === 'identity' ? '' : 'policy of ';
  const condition = Object.keys(conditions).length === 0 ? '' : ` if ${JSON.stringify(conditions)}`;
  return `${where}${holder}: ${effect === 'Deny' ? 'not ' : ''}${action}${resource === undefined ? '' : ` on ${resource}`}${condition}`;
};
