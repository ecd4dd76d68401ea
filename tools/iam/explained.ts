import type { Permission } from './permissions';

/** A permission that no listed call needs. */
export interface Explained {
  readonly holder: RegExp;
  readonly action: string;
  /** @default - any */
  readonly resource?: RegExp;
  readonly reason: string;
}

interface ExplainedPolicy {
  readonly role: string;
  readonly policy: string;
  readonly reason: string;
}

export const EXPLAINED: readonly Explained[] = [
  {
    holder: /^CashBack\/Postback\/RegistrationProvider\/ProviderRole$/,
    action: 'lambda:InvokeFunction',
    resource: /:\*$/,
    reason:
      "CDK's provider framework grants any version of the one function behind it, and has no option for less.",
  },
  {
    holder: /^CashBack\/Postback\/Transactions\w+\/Role$/,
    action: 'dynamodb:ListStreams',
    reason:
      'EventBridge Pipes documents that a pipe needs it. AWS lists no resource for the action, so nothing can be decided about an ARN; ' +
      "DynamoDB's own example grants it on the stream, and so does this library, rather than on everything.",
  },
];

/** Managed policies of AWS, which the check does not look into. */
export const EXPLAINED_MANAGED: readonly ExplainedPolicy[] = [
  {
    role: 'CashBack/Postback/IngestionApi/Api/CloudWatchRole',
    policy: 'AmazonAPIGatewayPushToCloudWatchLogs',
    reason:
      'API Gateway has one role for the logs of all APIs of an account, and AWS maintains this policy for it.',
  },
];

export const explains = (
  { holder, action, resource }: Explained,
  permission: Permission,
): boolean =>
  holder.test(permission.holder) &&
  action === permission.action &&
  (resource === undefined || resource.test(permission.resource ?? ''));
