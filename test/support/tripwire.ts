import { once } from 'node:events';
import { createServer, type Server, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * Servers in front of others, which count the calls that pass through all of them and act at one:
 * before it is passed on, or when it has had its effect and before it is answered. The call itself
 * is then never answered.
 */
export class Tripwire {
  private readonly servers: Server[] = [];
  private calls = 0;
  private trap:
    | { readonly call: number; readonly when: 'before' | 'after'; readonly act: () => void }
    | undefined;

  /** Acts at a call from now on, 0 for the next one. */
  set(call: number, when: 'before' | 'after', act: () => void): void {
    this.calls = 0;
    this.trap = { call, when, act };
  }

  /** Lets everything pass. Returns how many calls did since it was set. */
  unset(): number {
    this.trap = undefined;
    return this.calls;
  }

  /** The URL of a server that stands in front of this one. */
  async before(target: string): Promise<string> {
    const { hostname, port } = new URL(target);
    const server = createServer((incoming, response) => {
      const trap = this.calls === this.trap?.call ? this.trap : undefined;
      this.calls += 1;
      if (trap?.when === 'before') return trap.act();
      const { method, url: path, headers } = incoming;
      const outgoing = send({ hostname, port, method, path, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => {
          if (trap !== undefined) return trap.act();
          response.writeHead(answer.statusCode ?? 502, answer.headers).end(Buffer.concat(chunks));
        });
        answer.on('error', () => response.destroy());
      });
      outgoing.on('error', () => response.destroy());
      incoming.pipe(outgoing);
    });
    this.servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    await Promise.all(
      this.servers.map((server) => {
        server.closeAllConnections();
        return new Promise((resolve) => server.close(resolve));
      }),
    );
  }
}
