import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqsClient } from '../../local/embedded/clients';
import { startSqs } from '../../local/embedded/sqs';
import type { RestApi } from '../../local/gateway/rest-api';
import { synthesize, type Template } from '../../local/template/assembly';
import type { ProvisionContext } from '../../local/template/context';
import { provision } from '../../local/template/provision';

/**
 * The REST API of the app in `bin/` as its synthesized template describes it, ready to be served,
 * and the template itself.
 */
export async function synthesizedApi(): Promise<{
  readonly api: RestApi;
  readonly template: Template;
}> {
  const outDir = await mkdtemp(join(tmpdir(), 'synthesized-api-'));
  const sqs = await startSqs();
  const client = sqsClient(sqs.endpoint);
  try {
    const { stackName, template } = await synthesize(outDir, {
      sid: '3900112',
      credentialsSecretName: 'rakuten/api',
    });
    let api: RestApi | undefined;
    const context = {
      stackName,
      clients: { sqs: client },
      queues: new Map(),
      gateway: {
        deploy: (deployed: RestApi) => {
          api = deployed;
        },
      },
    } as unknown as ProvisionContext;
    await provision(
      { stackName, template: frontDoor(template), assetPath: () => undefined },
      context,
    );
    if (api === undefined) throw new Error('the template has no stage');
    return { api, template };
  } finally {
    client.destroy();
    await sqs.close();
    await rm(outDir, { recursive: true });
  }
}

/** The API, the queues it sends to and the role it does it with. */
function frontDoor(template: Template): Template {
  const kept = Object.entries(template.Resources).filter(([, { Type }]) =>
    /^AWS::(ApiGateway|SQS|IAM)::/.test(Type),
  );
  return { Resources: Object.fromEntries(kept) };
}
