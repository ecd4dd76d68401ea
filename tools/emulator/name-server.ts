import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { close, listen } from '../../fake-rakuten/http-server';

export interface Name {
  /** Where the name is reached, `http://127.0.0.1:<port>`. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Stands in for the DNS, which knows nothing of an emulator: what is sent here reaches the emulator
 * as if it had been sent to that host.
 */
export async function startName(host: string, endpoint: string): Promise<Name> {
  const server = http.createServer((request, response) => {
    const { method, url, headers } = request;
    const forwarded = http.request(
      `${endpoint}${url}`,
      { method, headers: { ...headers, host } },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    forwarded.on('error', (error) => response.destroy(error));
    request.pipe(forwarded);
  });
  await listen(server, 0);
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => close(server) };
}
