import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LocalStack } from './stack';

/** Addresses and names by which other programs use a running local stack. */
export function endpointsOf(stack: LocalStack): Record<string, string> {
  return {
    endpointUrl: stack.registeredUrl,
    dynamodb: stack.dynamodb.endpoint,
    sqs: stack.sqs.endpoint,
    secretsManager: stack.secretsManagerEndpoint,
    lambda: stack.lambdaEndpoint,
    rakuten: stack.rakuten.url,
    tableName: stack.tableName,
    stateTableName: stack.stateTableName,
    queueUrl: stack.queueUrl,
    deadLetterQueueUrl: stack.deadLetterQueueUrl,
    registrationFunctionName: stack.outputs.RegistrationFunctionName ?? '',
    reconciliationFunctionName: stack.outputs.ReconciliationFunctionName ?? '',
    region: stack.region,
    sid: stack.sid,
  };
}

/**
 * Writes the endpoints to a file that only the user can read, as it contains the URL's secret.
 * Returns a function that removes the file, unless another run has replaced it.
 */
export async function writeEndpoints(
  file: string,
  stack: LocalStack,
): Promise<() => Promise<void>> {
  const text = `${JSON.stringify(endpointsOf(stack), null, 2)}\n`;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text, { mode: 0o600 });
  return async () => {
    const now = await readFile(file, 'utf8').catch(() => undefined);
    if (now === text) await rm(file);
  };
}
