import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { close, listen } from '../../fake-rakuten/http-server';

/** A function's result, or the message of its error. */
export type Invoked = { readonly result: unknown } | { readonly error: string };

/** Lambda's Invoke API with one function that is given by its results. */
export interface LambdaApi {
  readonly endpoint: string;
  /** The events of its invocations, in order. */
  readonly events: Record<string, unknown>[];
  close(): Promise<void>;
}

export async function startLambdaApi(
  invoke: (event: Record<string, unknown>) => Invoked | Promise<Invoked>,
): Promise<LambdaApi> {
  const events: Record<string, unknown>[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const event = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
    events.push(event);
    const invoked = await invoke(event);
    if ('error' in invoked) response.setHeader('x-amz-function-error', 'Unhandled');
    response.end(
      JSON.stringify(
        'error' in invoked ? { errorType: 'Error', errorMessage: invoked.error } : invoked.result,
      ),
    );
  });
  await listen(server, 0);
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    events,
    close: () => close(server),
  };
}
