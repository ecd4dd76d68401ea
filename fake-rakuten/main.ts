import { parseArgs } from 'node:util';
import { startFakeRakuten } from '.';

/**
 * Runs the fake alone: `node --import ./tools/typescript.mjs fake-rakuten/main.ts --port
 * 4600 --client-id id --client-secret secret`.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      'client-id': { type: 'string' },
      'client-secret': { type: 'string' },
      'access-token': { type: 'string' },
      'auto-disable-after': { type: 'string' },
    },
  });
  const { 'client-id': clientId, 'client-secret': clientSecret, 'access-token': accessToken, 'auto-disable-after': after } = values;
  if (clientId === undefined || clientSecret === undefined) throw new Error('give --client-id and --client-secret');
  const fake = await startFakeRakuten({
    clientId,
    clientSecret,
    accessToken,
    port: values.port === undefined ? undefined : Number(values.port),
    autoDisableAfter: after === undefined ? undefined : Number(after),
  });
  console.log(`fake Rakuten on ${fake.url}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      fake.close().then(
        () => process.exit(0),
        (error: unknown) => {
          console.error(error);
          process.exit(1);
        },
      );
    });
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
