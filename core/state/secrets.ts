import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';

/** A secret that cannot be read. The message says why and what to do. */
export class SecretUnreadableError extends Error {
  constructor(id: string, problem: string, next: string, cause?: Error) {
    super(`The secret ${id} cannot be read: ${problem}. Next step: ${next}, and deploy again.`, { cause });
    this.name = 'SecretUnreadableError';
  }
}

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
    throw new SecretUnreadableError(
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
    throw explained(id, error as Error);
  }
  throw new SecretUnreadableError(id, 'it holds binary data', 'store its value as text');
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

/** The error of a read that failed, with what it means. */
export function explained(id: string, error: Error): Error {
  switch (error.name) {
    case 'ResourceNotFoundException':
    case 'ParameterNotFound':
      return /secret value/.test(error.message)
        ? new SecretUnreadableError(id, 'it exists but has no value yet', 'put a value into it')
        : new SecretUnreadableError(
            id,
            'there is none of this name in this account and region',
            'create it here, or correct the name in the stack',
          );
    case 'InvalidRequestException':
      return new SecretUnreadableError(id, 'it is marked for deletion', 'restore it (aws secretsmanager restore-secret)');
    case 'AccessDeniedException':
      return new SecretUnreadableError(
        id,
        'access is denied',
        "grant the function's role the right to read it, including kms:Decrypt on its key if it is encrypted with a key of your own or lives in another account",
        error,
      );
    case 'DecryptionFailure':
    case 'InvalidKeyId':
      return new SecretUnreadableError(id, 'its key cannot decrypt it', 'enable the key and grant kms:Decrypt on it');
    default:
      return new SecretUnreadableError(id, `${error.name}`, 'see whether the service works and can be reached');
  }
}
