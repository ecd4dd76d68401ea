import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { close, listen } from '../../../fake-rakuten/http-server';
import type { EmbeddedServer } from '../../../local/embedded/server-thread';

/**
 * A DynamoDB that stores nothing: it accepts every write after a fixed time, and answers a query
 * with one item. So a measurement is one of the function, not of the database.
 */
export async function startEndpoint(
  delayMillis: number,
  item: object,
): Promise<EmbeddedServer & { writes(): number }> {
  let writes = 0;
  const server = createServer((request, response) => {
    const isQuery = String(request.headers['x-amz-target']).endsWith('.Query');
    const answer = (): unknown =>
      response
        .writeHead(200, { 'content-type': 'application/x-amz-json-1.0' })
        .end(isQuery ? JSON.stringify({ Items: [item], Count: 1 }) : '{}');
    request.resume().once('end', () => {
      if (!isQuery) writes += 1;
      if (delayMillis === 0) answer();
      else setTimeout(answer, delayMillis);
    });
  });
  server.keepAliveTimeout = 60_000;
  await listen(server, 0);
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => close(server),
    writes: () => writes,
  };
}
