import type { Server } from 'node:http';
import { rejectForeignRequests } from './foreign-requests.cjs';

/**
 * Listens on the loopback address alone, and only to programs of this machine. Rejects with the
 * reason, for example that the port is taken; 0 takes a free one.
 */
export function listen(server: Server, port: number): Promise<void> {
  rejectForeignRequests(server);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Closes the server and every connection to it, idle or not. */
export function close(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()));
    server.closeAllConnections();
  });
}
