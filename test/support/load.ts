import * as http from 'node:http';

/**
 * Sends GETs as fast as they are answered, over kept connections. Returns how many answers had each
 * status; 0 stands for none.
 */
export async function sendAll(
  urls: readonly string[],
  connections = 32,
): Promise<Map<number, number>> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const byStatus = new Map<number, number>();
  const waiting = urls.values();
  const sender = async (): Promise<void> => {
    for (const url of waiting) {
      const status = await get(url, agent);
      byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: connections }, sender));
  agent.destroy();
  return byStatus;
}

const get = (url: string, agent: http.Agent): Promise<number> =>
  new Promise((resolve) => {
    http
      .get(url, { agent }, (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
      })
      .on('error', () => resolve(0));
  });
