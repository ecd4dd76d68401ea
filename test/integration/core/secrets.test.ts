import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import { readSecret } from '../../../core/state/secrets';
import { secretsManagerClient } from '../../../local/embedded/clients';
import { startSecretsManager } from '../../../local/embedded/secrets-manager';
import type { EmbeddedServer } from '../../../local/embedded/server-thread';

let server: EmbeddedServer;
let client: ReturnType<typeof secretsManagerClient>;
let arn: string;
beforeAll(async () => {
  server = await startSecretsManager();
  client = secretsManagerClient(server.endpoint);
  const created = await client.send(
    new CreateSecretCommand({ Name: 'rakuten/api', SecretString: 'the value' }),
  );
  arn = String(created.ARN);
});
afterAll(async () => {
  client.destroy();
  await server.close();
});

const read = (id: string): Promise<string> =>
  readSecret(
    { secretsManager: client, ssm: () => Promise.reject(new Error('not used')) as never },
    id,
  );

it('reads a secret by its name and by its ARN', async () => {
  expect(await read('rakuten/api')).toBe('the value');
  expect(await read(arn)).toBe('the value');
});

it.each(['secretsmanager', 'ssm'])(
  'rejects an ARN of another region before any call, also of %s, and says where to store the value',
  async (service) => {
    const here = await client.config.region();
    const other = arn
      .replace(`:${here}:`, ':eu-west-3:')
      .replace(':secretsmanager:', `:${service}:`);
    await expect(read(other)).rejects.toThrow(
      `The secret ${other} cannot be read: it is in the region eu-west-3, and this runs in ${here}. Next step: store the value in ${here} too, and pass that ARN, and deploy again.`,
    );
  },
);

it('never reads the local secret of that name for an ARN of another account', async () => {
  await expect(read(arn.replace(/:\d{12}:/, ':444455556666:'))).rejects.toThrow('cannot be read');
});
