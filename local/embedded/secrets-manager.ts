import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { close, listen } from '../../fake-rakuten/http-server';
import { LOCAL_ACCOUNT, LOCAL_REGION } from './clients';
import type { EmbeddedServer } from './server-thread';

interface Version {
  readonly id: string;
  readonly text: string;
  readonly stages: Set<string>;
}

interface Secret {
  readonly name: string;
  readonly arn: string;
  readonly versions: Map<string, Version>;
}

type Input = Record<string, unknown>;

/** What Secrets Manager answers when it refuses a call. */
class Refused extends Error {
  constructor(
    readonly type: string,
    message: string,
  ) {
    super(message);
  }
}

const CURRENT = 'AWSCURRENT';
const PREVIOUS = 'AWSPREVIOUS';

/**
 * Starts an empty Secrets Manager in memory on 127.0.0.1: create, read, put, describe and move a
 * version's stage, text secrets only.
 */
export async function startSecretsManager(): Promise<EmbeddedServer> {
  const store = new SecretStore();
  const server = createServer(async (request, response) => {
    const [status, body] = await answer(store, request);
    response
      .writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
      .end(JSON.stringify(body));
  });
  await listen(server, 0);
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => close(server),
  };
}

async function answer(store: SecretStore, request: IncomingMessage): Promise<[number, unknown]> {
  try {
    const operation = String(request.headers['x-amz-target'] ?? '').replace(
      /^secretsmanager\./,
      '',
    );
    const call = store.operations[operation];
    if (call === undefined)
      throw new Refused(
        'UnknownOperationException',
        `not supported locally: ${operation || 'a call without x-amz-target'}`,
      );
    return [200, call(JSON.parse(await readBody(request)) as Input)];
  } catch (error) {
    if (error instanceof Refused) return [400, { __type: error.type, message: error.message }];
    return [
      500,
      {
        __type: 'InternalServiceError',
        message: error instanceof Error ? error.message : String(error),
      },
    ];
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

class SecretStore {
  private readonly secrets = new Map<string, Secret>();

  readonly operations: Record<string, (input: Input) => unknown> = {
    CreateSecret: (input) => this.create(input),
    GetSecretValue: (input) => this.getValue(input),
    PutSecretValue: (input) => this.putValue(input),
    DescribeSecret: (input) => this.describe(input),
    UpdateSecretVersionStage: (input) => this.moveStage(input),
  };

  private create({ Name, SecretString, ClientRequestToken }: Input) {
    const name = String(Name);
    if (this.secrets.has(name))
      throw new Refused('ResourceExistsException', `a secret named ${name} already exists`);
    const arn = `arn:aws:secretsmanager:${LOCAL_REGION}:${LOCAL_ACCOUNT}:secret:${name}-${randomBytes(3).toString('hex')}`;
    const secret: Secret = { name, arn, versions: new Map() };
    this.secrets.set(name, secret);
    if (SecretString === undefined) return { ARN: arn, Name: name };
    return {
      ARN: arn,
      Name: name,
      VersionId: addVersion(secret, { SecretString, ClientRequestToken, VersionStages: [CURRENT] })
        .id,
    };
  }

  private getValue({ SecretId, VersionId, VersionStage }: Input) {
    const secret = this.find(SecretId);
    const wanted =
      typeof VersionId === 'string'
        ? secret.versions.get(VersionId)
        : staged(secret, String(VersionStage ?? CURRENT));
    if (wanted === undefined) {
      const what =
        typeof VersionId === 'string'
          ? `VersionId: ${VersionId}`
          : `staging label: ${String(VersionStage ?? CURRENT)}`;
      throw new Refused(
        'ResourceNotFoundException',
        `Secrets Manager can't find the specified secret value for ${what}`,
      );
    }
    return {
      ARN: secret.arn,
      Name: secret.name,
      VersionId: wanted.id,
      SecretString: wanted.text,
      VersionStages: [...wanted.stages],
    };
  }

  private putValue(input: Input) {
    const secret = this.find(input.SecretId);
    const version = addVersion(secret, {
      ...input,
      VersionStages: input.VersionStages ?? [CURRENT],
    });
    return {
      ARN: secret.arn,
      Name: secret.name,
      VersionId: version.id,
      VersionStages: [...version.stages],
    };
  }

  private describe({ SecretId }: Input) {
    const secret = this.find(SecretId);
    const stages = [...secret.versions.values()]
      .filter((v) => v.stages.size > 0)
      .map((v) => [v.id, [...v.stages]]);
    return { ARN: secret.arn, Name: secret.name, VersionIdsToStages: Object.fromEntries(stages) };
  }

  private moveStage({ SecretId, VersionStage, MoveToVersionId, RemoveFromVersionId }: Input) {
    const secret = this.find(SecretId);
    const stage = String(VersionStage);
    const holder = staged(secret, stage);
    if (
      holder !== undefined &&
      holder.id !== RemoveFromVersionId &&
      MoveToVersionId !== undefined &&
      holder.id !== MoveToVersionId
    ) {
      throw new Refused(
        'InvalidParameterException',
        `The parameter RemoveFromVersionId can't be empty. Staging label ${stage} is on ${holder.id}.`,
      );
    }
    if (MoveToVersionId === undefined) holder?.stages.delete(stage);
    else giveStage(secret, version(secret, String(MoveToVersionId)), stage);
    return { ARN: secret.arn, Name: secret.name };
  }

  /** By name, ARN, or ARN without its random suffix. */
  private find(id: unknown): Secret {
    const text = String(id);
    for (const secret of this.secrets.values()) {
      if (
        text === secret.name ||
        text === secret.arn ||
        text === secret.arn.replace(/-[^-]{6}$/, '')
      )
        return secret;
    }
    throw new Refused(
      'ResourceNotFoundException',
      "Secrets Manager can't find the specified secret.",
    );
  }
}

function addVersion(
  secret: Secret,
  { SecretString, ClientRequestToken, VersionStages }: Input,
): Version {
  if (typeof SecretString !== 'string')
    throw new Refused('InvalidParameterException', 'You must provide SecretString.');
  const id = typeof ClientRequestToken === 'string' ? ClientRequestToken : randomUUID();
  const existing = secret.versions.get(id);
  if (existing !== undefined && existing.text !== SecretString) {
    throw new Refused('ResourceExistsException', `You can't modify an existing version: ${id}.`);
  }
  const added = existing ?? { id, text: SecretString, stages: new Set<string>() };
  secret.versions.set(id, added);
  for (const stage of VersionStages as string[]) giveStage(secret, added, stage);
  return added;
}

/** A stage is on one version at a time; the version that was current becomes the previous one. */
function giveStage(secret: Secret, receiver: Version, stage: string): void {
  const holder = staged(secret, stage);
  if (holder === receiver) return;
  holder?.stages.delete(stage);
  receiver.stages.add(stage);
  if (stage === CURRENT && holder !== undefined) giveStage(secret, holder, PREVIOUS);
}

const staged = (secret: Secret, stage: string): Version | undefined =>
  [...secret.versions.values()].find((v) => v.stages.has(stage));

function version(secret: Secret, id: string): Version {
  const found = secret.versions.get(id);
  if (found === undefined)
    throw new Refused(
      'ResourceNotFoundException',
      `Secrets Manager can't find the specified secret version ${id}.`,
    );
  return found;
}
