import { Stack, Token } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import type { Publisher } from '../publisher';
import type { Problem } from './checks';
import type { GroupedPermissions } from './grouped-permissions';
import { checkLocation, locationOf } from './location';

/** A function or policy that receives permissions. */
export interface Reader {
  readonly permissions: GroupedPermissions;
}

/** Error about how the credentials are passed. */
export function credentialsProblem({ credentials, credentialsParameter }: Publisher): Problem {
  if (credentials && credentialsParameter)
    return 'both credentials and credentialsParameter are given; keep one of them';
  // A text in its place is mostly the secret's name, but may be the secret: it is not shown.
  if (credentials && typeof credentials.grantRead !== 'function') {
    return "credentials is not a secret of the CDK; give, for example, Secret.fromSecretNameV2(this, 'RakutenApi', 'rakuten/api')";
  }
  if (credentialsParameter && typeof credentialsParameter.grantRead !== 'function') {
    return 'credentialsParameter is not a parameter of the CDK; give, for example, StringParameter.fromSecureStringParameterAttributes(…)';
  }
  if (credentials || credentialsParameter) return undefined;
  return "Rakuten's API credentials are missing; give a Secrets Manager secret as credentials, or a SecureString as credentialsParameter";
}

/** Rejects credentials of another region. Those of another account must let this one read them. */
export function checkCredentialsLocation(
  scope: Construct,
  { credentials, credentialsParameter }: Publisher,
): void {
  const usedBy = 'the functions that read it run';
  const fix = `store the credentials in ${Stack.of(scope).region} too, and pass those`;
  if (credentials !== undefined) {
    const permission =
      'its resource policy has to allow the functions secretsmanager:GetSecretValue, and the policy of its KMS key kms:Decrypt; a secret under a key of AWS cannot be shared';
    checkLocation(
      scope,
      { name: 'credentials', arn: credentials.secretArn, env: credentials.env },
      { usedBy, fix, permission },
    );
  }
  if (credentialsParameter !== undefined) {
    const { parameterArn: arn, env } = credentialsParameter;
    const permission =
      'its owner has to share it by AWS RAM, as an advanced parameter under a KMS key of the owner, and the policy of that key has to allow the functions kms:Decrypt';
    checkLocation(scope, { name: 'credentialsParameter', arn, env }, { usedBy, fix, permission });
  }
}

/**
 * What a function passes to AWS to read the credentials: an ARN.
 *
 * A secret of the stack's own account and region that was imported by name is read by its name:
 * Secrets Manager may take the end of a name for the random suffix of an ARN.
 */
export function credentialsId(
  scope: Construct,
  { credentials, credentialsParameter }: Publisher,
): string | undefined {
  if (credentials === undefined) return credentialsParameter?.parameterArn;
  if (credentials.secretFullArn !== undefined) return credentials.secretFullArn;
  const { account, region } = locationOf({
    name: 'credentials',
    arn: credentials.secretArn,
    env: credentials.env,
  });
  const here = Stack.of(scope);
  const isLocal = account === here.account && region === here.region;
  return isLocal ? credentials.secretName : credentials.secretArn;
}

/** Grants permission to read a publisher's credentials and nothing else. */
export function grantReadCredentials(
  { credentials, credentialsParameter }: Publisher,
  reader: Reader,
): void {
  if (credentials !== undefined) grantReadSecret(credentials, reader);
  if (credentialsParameter === undefined) return;
  reader.permissions.allow(['ssm:GetParameter'], credentialsParameter.parameterArn);
  // Every parameter of the CDK has the attribute, the interface lacks it.
  const { encryptionKey } = credentialsParameter as { encryptionKey?: kms.IKey };
  grantKey(encryptionKey, 'ssm', ['kms:Decrypt'], Stack.of(credentialsParameter), reader);
}

/** Grants permission to read a secret. */
export function grantReadSecret(secret: secretsmanager.ISecret, reader: Reader): void {
  reader.permissions.allow(['secretsmanager:GetSecretValue'], arnForPolicies(secret, reader));
  grantKey(secret.encryptionKey, SECRETS_MANAGER, ['kms:Decrypt'], Stack.of(secret), reader);
}

/** Grants permission to store a version of a secret. IAM has no condition on its staging labels. */
export function grantSaveSecretVersion(secret: secretsmanager.ISecret, reader: Reader): void {
  reader.permissions.allow(['secretsmanager:PutSecretValue'], arnForPolicies(secret, reader));
  grantKey(
    secret.encryptionKey,
    SECRETS_MANAGER,
    ['kms:GenerateDataKey'],
    Stack.of(secret),
    reader,
  );
}

/**
 * Grants what a rotation needs: read a secret, store a new value as pending, label it as current.
 */
export function grantRotateSecret(secret: secretsmanager.ISecret, reader: Reader): void {
  const actions = [
    'secretsmanager:GetSecretValue',
    'secretsmanager:PutSecretValue',
    'secretsmanager:UpdateSecretVersionStage',
  ];
  reader.permissions.allow(actions, arnForPolicies(secret, reader));
  grantKey(
    secret.encryptionKey,
    SECRETS_MANAGER,
    ['kms:Decrypt', 'kms:GenerateDataKey'],
    Stack.of(secret),
    reader,
  );
}

const SECRETS_MANAGER = 'secretsmanager';

/**
 * In the principal's own policy, since only the owner of a key can change the key's policy. A grant
 * of the CDK for one service does nothing for an imported key, and makes a cycle with one of
 * another stack.
 */
function grantKey(
  key: kms.IKey | undefined,
  service: string,
  actions: string[],
  { region }: Stack,
  { permissions }: Reader,
): void {
  if (key === undefined) return;
  permissions.allow(actions, key.keyArn, {
    StringEquals: { 'kms:ViaService': `${service}.${region}.amazonaws.com` },
  });
}

/**
 * A partial ARN, which lacks the hyphen and six characters that Secrets Manager adds, as a pattern.
 */
function arnForPolicies(
  { secretArn, secretFullArn, env }: secretsmanager.ISecret,
  { permissions }: Reader,
): string {
  // CDK refers to a secret that another account owns by its name.
  const isForeign =
    secretFullArn !== undefined &&
    Token.isUnresolved(secretFullArn) &&
    env.account !== permissions.account;
  return secretFullArn === undefined || isForeign ? `${secretArn}-??????` : secretFullArn;
}
