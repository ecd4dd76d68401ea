import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { close, listen } from '../../fake-rakuten/http-server';
import { FunctionError } from './function-error';
import type { LocalFunction } from './local-function';

/** As much of Lambda's API as the command line and the functions call: `Invoke`. */
export interface InvokeApi {
  readonly endpoint: string;
  close(): Promise<void>;
}

/**
 * Starts the API on a free port of the loopback address.
 *
 * @param functions asked for each call, as the stack creates its functions later
 */
export async function startInvokeApi(functions: () => Iterable<LocalFunction>): Promise<InvokeApi> {
  const server = createServer((request, response) => {
    serve(functions(), request, response).catch((error: unknown) =>
      response.destroy(error as Error),
    );
  });
  await listen(server, 0);
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => close(server),
  };
}

const INVOCATION_PATH = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/;

async function serve(
  functions: Iterable<LocalFunction>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const name = INVOCATION_PATH.exec(decodeURIComponent(request.url ?? ''))?.[1];
  const found = [...functions].find((candidate) => candidate.name === name);
  if (found === undefined)
    return respond(response, 404, { Type: 'User', Message: `Function not found: ${name}` });
  const running = found.invoke(JSON.parse(Buffer.concat(chunks).toString() || '{}'));
  if (request.headers['x-amz-invocation-type'] === 'Event') {
    // The function has logged its failure; an asynchronous caller does not see it.
    running.catch(() => {});
    return respond(response, 202);
  }
  try {
    respond(response, 200, (await running) ?? null);
  } catch (error) {
    response.setHeader('x-amz-function-error', 'Unhandled');
    respond(response, 200, errorPayload(error));
  }
}

function errorPayload(error: unknown): object {
  if (error instanceof FunctionError)
    return { errorType: error.errorType, errorMessage: error.errorMessage };
  return { errorType: 'Error', errorMessage: String(error) };
}

function respond(response: ServerResponse, status: number, body?: unknown): void {
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(body === undefined ? '' : JSON.stringify(body));
}
