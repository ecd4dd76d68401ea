import { randomInt } from 'node:crypto';
import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceNotFoundException,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { UserError } from '../errors';
import type { SecretVersion, SecretVersions } from '../registration/rotate';
import { secretBinaryError, secretReadError } from './secrets';

const CURRENT = 'AWSCURRENT';
const PENDING = 'AWSPENDING';

const CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** 43 letters and digits are 256 bits, as many as the construct's first secret has. */
const SECRET_LENGTH = 43;

export const newUrlSecret = (): string => Array.from({ length: SECRET_LENGTH }, () => CHARACTERS[randomInt(CHARACTERS.length)]).join('');

/** The URL of someone else, which a removal restores, could not be stored. Nothing was changed at Rakuten. */
const secretNotSavedError = (secretId: string, cause: Error): UserError =>
  new UserError({
    name: 'SecretNotSavedError',
    problem: `The URL that is in the slot cannot be stored as a version of the secret ${secretId}, so it was not replaced: ${cause.name}`,
    nextStep: 'grant secretsmanager:PutSecretValue on that secret if access is denied, and try again',
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
      new PutSecretValueCommand({ SecretId: secretId, SecretString: text, VersionStages: [PENDING] }),
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

  /** Stores a text under a label of its own. Other labels, such as that of the current version, stay where they are. */
  async save(secretId: string, text: string, label: string): Promise<string> {
    try {
      const { VersionId: id = '' } = await this.client.send(
        new PutSecretValueCommand({ SecretId: secretId, SecretString: text, VersionStages: [label] }),
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
