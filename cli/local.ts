import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CliError } from './errors';
import type { AwsConfig, Installation, Service } from './installation';

/** The file with the addresses of the local run, while it runs. */
export const LOCAL_ENDPOINTS_FILE = join('.local', 'endpoints.json');

/**
 * Not a secret: the embedded servers accept any key. In code, so that a developer's profile is
 * never used.
 */
const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };

/** The entry of the file with the endpoint of a service. */
const ENDPOINTS: Partial<Record<Service, string>> = {
  dynamodb: 'dynamodb',
  sqs: 'sqs',
  secretsManager: 'secretsManager',
  lambda: 'lambda',
  firehose: 'firehose',
  s3: 's3',
};

/** The local run of this folder. */
export function localInstallation(directory: string): Installation {
  const file = join(directory, LOCAL_ENDPOINTS_FILE);
  const entries = readEntries(file);
  const text = (name: string): string | undefined => {
    const value = entries[name];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
  };
  return {
    name: 'the local run',
    kind: 'local',
    resources: {
      tableName: text('tableName'),
      stateTableName: text('stateTableName'),
      queueUrl: text('queueUrl'),
      deadLetterQueueUrl: text('deadLetterQueueUrl'),
      registrationFunctionName: text('registrationFunctionName'),
      reconciliationFunctionName: text('reconciliationFunctionName'),
      // The local run has no archive.
      archiveStreamName: text('archiveStreamName') ?? '',
      // Without the query, which contains the URL's secret.
      endpointUrl: text('endpointUrl')?.split('?', 1)[0],
      sid: text('sid'),
      dayShards: text('dayShards'),
    },
    aws: (service) => localConfig(service, text(ENDPOINTS[service] ?? ''), text('region')),
  };
}

function localConfig(
  service: Service,
  endpoint: string | undefined,
  region = 'us-east-1',
): AwsConfig {
  if (endpoint === undefined)
    throw new CliError(`the local run has no ${service}: this command requires a deployed stack`);
  return { endpoint, region, credentials: CREDENTIALS };
}

function readEntries(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CliError(
      `no local run here (there is no ${file}): start it with "npm start" in the project's folder`,
      undefined,
      { cause },
    );
  }
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new CliError(
      `${file} is not JSON: start the local run again with "npm start"`,
      undefined,
      { cause },
    );
  }
}
