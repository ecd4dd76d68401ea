import { randomInt } from 'node:crypto';
import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceNotFoundException,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { UserError } from '../errors';
import type { SecretVersion, SecretVersions } from './publisher-state';

/** A secret that cannot be read. The message says why and what to do. */
export const secretUnreadableError = (
  id: string,
  problem: string,
  fix: string,
  cause?: Error,
): UserError =>
  new UserError({
    name: 'SecretUnreadableError',
    problem: `The secret ${id} cannot be read: ${problem}`,
    nextStep: `${fix}, and deploy again`,
    cause,
  });

export const secretBinaryError = (id: string): UserError =>
  secretUnreadableError(id, 'it holds binary data', 'store its value as text');

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
  clients: {
    readonly secretsManager: SecretClient<SecretsManagerClient>;
    readonly ssm: () => Pick<SSMClient, 'send'>;
  },
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
      parameter === null
        ? await fromSecretsManager(clients.secretsManager, id, versionId)
        : await fromParameter(clients.ssm(), id);
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

async function fromParameter(
  client: Pick<SSMClient, 'send'>,
  id: string,
): Promise<string | undefined> {
  return (await client.send(new GetParameterCommand({ Name: id, WithDecryption: true }))).Parameter
    ?.Value;
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
        : [
            'there is none of this name in this account and region',
            'create it here, or correct the name in the stack',
          ];
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

const CURRENT = 'AWSCURRENT';
const PENDING = 'AWSPENDING';

const CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** 43 letters and digits are 256 bits, as many as the construct's first secret has. */
const SECRET_LENGTH = 43;

export const newUrlSecret = (): string =>
  Array.from({ length: SECRET_LENGTH }, () => CHARACTERS[randomInt(CHARACTERS.length)]).join('');

/**
 * The URL of someone else, which a removal restores, could not be stored. Nothing was changed at
 * Rakuten.
 */
const secretNotSavedError = (secretId: string, cause: Error): UserError =>
  new UserError({
    name: 'SecretNotSavedError',
    problem: `The URL that is in the slot cannot be stored as a version of the secret ${secretId}, so it was not replaced: ${cause.name}`,
    nextStep:
      'grant secretsmanager:PutSecretValue on that secret if access is denied, and try again',
    cause,
  });

/** The versions of a secret in Secrets Manager, by the labels that its own rotations use. */
export class SecretsManagerVersions implements SecretVersions {
  constructor(private readonly client: Pick<SecretsManagerClient, 'send'>) {}

  async current(secretId: string): Promise<SecretVersion> {
    try {
      return await this.read(secretId, CURRENT);
    } catch (error) {
      throw secretReadError(secretId, error as Error);
    }
  }

  async pending(secretId: string): Promise<SecretVersion | undefined> {
    try {
      return await this.read(secretId, PENDING);
    } catch (error) {
      // `current` was read before, so the secret is there: only no version has this label.
      if (error instanceof ResourceNotFoundException) return undefined;
      throw secretReadError(secretId, error as Error);
    }
  }

  async addPending(secretId: string, text: string): Promise<SecretVersion> {
    const { VersionId: id = '' } = await this.client.send(
      new PutSecretValueCommand({
        SecretId: secretId,
        SecretString: text,
        VersionStages: [PENDING],
      }),
    );
    return { id, text };
  }

  /** Secrets Manager itself labels the version that was current as the previous one. */
  async promote(secretId: string, pending: SecretVersion, current: SecretVersion): Promise<void> {
    await this.client.send(
      new UpdateSecretVersionStageCommand({
        SecretId: secretId,
        VersionStage: CURRENT,
        MoveToVersionId: pending.id,
        RemoveFromVersionId: current.id,
      }),
    );
  }

  /**
   * Stores a text under a label of its own. Other labels, such as that of the current version, stay
   * where they are.
   */
  async save(secretId: string, text: string, label: string): Promise<string> {
    try {
      const { VersionId: id = '' } = await this.client.send(
        new PutSecretValueCommand({
          SecretId: secretId,
          SecretString: text,
          VersionStages: [label],
        }),
      );
      return id;
    } catch (error) {
      throw secretNotSavedError(secretId, error as Error);
    }
  }

  private async read(secretId: string, stage: string): Promise<SecretVersion> {
    const { VersionId: id = '', SecretString: text } = await this.client.send(
      new GetSecretValueCommand({ SecretId: secretId, VersionStage: stage }),
    );
    if (text === undefined) throw secretBinaryError(secretId);
    return { id, text };
  }
}
