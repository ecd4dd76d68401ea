import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';
import { ENVIRONMENT } from '../core/names';
import { sendHttp } from '../core/rakuten/api/http';
import { systemClock } from '../core/rakuten/api/request-with-retry';
import type { AllowedUrls } from '../core/registration/allowed-urls';
import type { RegistrationPorts } from '../core/registration/ports';
import { RAKUTEN_API_URL } from '../core/registration/properties';
import { DynamoRegistrationStore } from '../core/registration/registration-store';
import { sendProbe } from '../core/registration/self-test';
import { readPublisherStates } from '../core/state/publishers';
import { readSecret, SecretsManagerVersions } from '../core/state/secrets';

import type { CommandContext } from './command';
import { CliError, usageError } from './errors';
import { type GlobalOptions, type Installation, requireResource } from './installation';
import { writeLine } from './terminal';

export interface SidOptions extends GlobalOptions {
  readonly sid?: string;
}

/** The ports of the registration for the installation of a command. */
export async function registrationPorts(
  context: CommandContext<SidOptions>,
): Promise<RegistrationPorts> {
  return { ...(await localPorts(context)), urls: await allowedUrls(await context.installation()) };
}

/** The ports of what sends nothing to Rakuten or the endpoint. */
export async function localPorts(
  context: CommandContext<SidOptions>,
): Promise<Omit<RegistrationPorts, 'urls'>> {
  const { options, terminal } = context;
  const found = await context.installation();
  const store = new DynamoRegistrationStore(
    new DynamoDBClient(found.aws('dynamodb')),
    requireResource(found, 'stateTableName'),
  );
  const aws = found.aws('secretsManager');
  const secrets = { secretsManager: new SecretsManagerClient(aws), ssm: () => new SSMClient(aws) };
  return {
    store,
    readSecret: (id, versionId) => readSecret(secrets, id, versionId),
    saveSecretVersion: (id, text, label) =>
      new SecretsManagerVersions(secrets.secretsManager).save(id, text, label),
    send: sendHttp,
    probe: sendProbe,
    clock: systemClock,
    randomId: randomUUID,
    log: (message, fields) => {
      if (options.debug === true)
        void writeLine(terminal.stderr, JSON.stringify({ message, ...fields }));
    },
  };
}

/**
 * The URLs of the deployed registration function.
 *
 * The state table is not asked: it would decide where this machine sends credentials.
 */
async function allowedUrls(installation: Installation): Promise<AllowedUrls> {
  const { kind, resources } = installation;
  if (kind === 'local') return { endpointUrl: resources.endpointUrl };
  const client = new LambdaClient(installation.aws('lambda'));
  const FunctionName = requireResource(installation, 'registrationFunctionName');
  const { Environment } = await client.send(new GetFunctionConfigurationCommand({ FunctionName }));
  const {
    [ENVIRONMENT.rakutenApiUrl]: rakutenApiUrl = RAKUTEN_API_URL,
    [ENVIRONMENT.endpointUrl]: endpointUrl,
  } = Environment?.Variables ?? {};
  return { rakutenApiUrl, endpointUrl };
}

/** The publishers of a command: the one of --sid, else all. */
export async function publishersOf(
  context: CommandContext<SidOptions>,
): Promise<readonly string[]> {
  const installation = await context.installation();
  const tableName = requireResource(installation, 'stateTableName');
  const states = await readPublisherStates(
    new DynamoDBClient(installation.aws('dynamodb')),
    tableName,
  );
  const sids = states
    .filter((state) => state.properties !== undefined || state.setAside !== undefined)
    .map((state) => state.sid);
  const { sid } = context.options;
  if (sid === undefined) {
    if (sids.length === 0)
      throw new CliError(
        `${installation.name}: no publisher is registered; deploy the stack to register one`,
      );
    return sids.sort();
  }
  if (sids.includes(sid)) return [sid];
  throw usageError(
    `${installation.name}: SID ${sid} is not registered by it; there ${sids.length === 1 ? 'is' : 'are'} ${sids.join(', ') || 'none'}`,
  );
}

/** The one publisher that a command changes. */
export async function publisherOf(context: CommandContext<SidOptions>): Promise<string> {
  const [sid, ...more] = await publishersOf(context);
  if (sid !== undefined && more.length === 0) return sid;
  throw usageError(
    `there are several publishers (${[sid, ...more].join(', ')}): choose one with --sid`,
  );
}
