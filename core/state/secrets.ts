import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { UserError } from '../errors';

/** A secret that cannot be read. The message says why and what to do. */
export const secretUnreadableError = (id: string, problem: string, fix: string, cause?: Error): UserError =>
  new UserError({
    name: 'SecretUnreadableError',
    problem: `The secret ${id} cannot be read: ${problem}`,
    nextStep: `${fix}, and deploy again`,
    cause,
  });

export const secretBinaryError = (id: string): UserError => secretUnreadableError(id, 'it holds binary data', 'store its value as text');

const REGION_OF_ARN = /^arn:[^:]+:[^:]+:([^:]+):/;
const PARAMETER_ARN = /^arn:[^:]+:ssm:[^:]+:\d+:parameter(\/.+)$/;

/** The part of an AWS client that reads secrets. */
export interface SecretClient<Client extends { readonly send: unknown }> {
  readonly send: Client['send'];
  readonly config: { readonly region: () => Promise<string> };
}

/**
 * The text of a secret of Secrets Manager (ARN or name) or of a SecureString parameter (ARN).
 *
 * @param clients `ssm` is made only when it is needed
 * @param versionId of a secret of Secrets Manager; else the current one
 */
export async function readSecret(
  clients: { readonly secretsManager: SecretClient<SecretsManagerClient>; readonly ssm: () => Pick<SSMClient, 'send'> },
  id: string,
  versionId?: string,
): Promise<string> {
  const parameter = PARAMETER_ARN.exec(id);
  const region = REGION_OF_ARN.exec(id)?.[1];
  const here = region === undefined ? undefined : await clients.secretsManager.config.region();
  if (region !== here) {
    throw secretUnreadableError(
      id,
      `it is in the region ${region}, and this runs in ${here}`,
      `store the value in ${here} too, and pass that ARN`,
    );
  }
  try {
    const text =
      parameter === null ? await fromSecretsManager(clients.secretsManager, id, versionId) : await fromParameter(clients.ssm(), id);
    if (text !== undefined) return text;
  } catch (error) {
    throw secretReadError(id, error as Error);
  }
  throw secretBinaryError(id);
}

async function fromSecretsManager(
  client: Pick<SecretsManagerClient, 'send'>,
  SecretId: string,
  VersionId: string | undefined,
): Promise<string | undefined> {
  return (await client.send(new GetSecretValueCommand({ SecretId, VersionId }))).SecretString;
}

async function fromParameter(client: Pick<SSMClient, 'send'>, id: string): Promise<string | undefined> {
  return (await client.send(new GetParameterCommand({ Name: id, WithDecryption: true }))).Parameter?.Value;
}

/** The error of a read that failed, with its meaning. */
export function secretReadError(id: string, error: Error): UserError {
  if (error instanceof UserError) return error;
  const [problem, fix] = explanationOf(error);
  return secretUnreadableError(id, problem, fix, error);
}

function explanationOf({ name, message }: Error): readonly [problem: string, fix: string] {
  switch (name) {
    case 'ResourceNotFoundException':
    case 'ParameterNotFound':
      return /secret value/.test(message)
        ? ['it exists but has no value yet', 'put a value into it']
        : ['there is none of this name in this account and region', 'create it here, or correct the name in the stack'];
    case 'InvalidRequestException':
      return ['it is marked for deletion', 'restore it (aws secretsmanager restore-secret)'];
    case 'AccessDeniedException':
      return [
        'access is denied',
        "grant the function's role the right to read it, including kms:Decrypt on its key " +
          'if it is encrypted with a key of your own or lives in another account',
      ];
    case 'DecryptionFailure':
    case 'InvalidKeyId':
      return ['its key cannot decrypt it', 'enable the key and grant kms:Decrypt on it'];
    default:
      return [name, 'see whether the service works and can be reached'];
  }
}
