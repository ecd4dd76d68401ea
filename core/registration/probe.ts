import * as http from 'node:http';
import * as https from 'node:https';
import type { Probe } from './ports';

/** One GET on a new connection, as Rakuten's sender makes it: DNS, handshakes and the whole answer count. */
export const sendProbe: Probe = (url, timeoutMillis) => {
  const started = performance.now();
  return new Promise((resolve) => {
    const end = (result: { status?: number; error?: string }): void => {
      clearTimeout(timer);
      resolve({ ...result, millis: Math.round((performance.now() - started) * 10) / 10 });
    };
    const fail = (error: NodeJS.ErrnoException): void => end({ error: error.code ?? error.name });
    const client = url.startsWith('https:') ? https : http;
    const request = client.get(url, { agent: false, headers: { 'user-agent': 'cdk-rakuten-postback self-test' } }, (response) => {
      response.on('end', () => end({ status: response.statusCode }));
      response.on('error', fail);
      response.resume();
    });
    request.on('error', fail);
    const timer = setTimeout(() => {
      end({ error: 'no answer' });
      request.destroy();
    }, timeoutMillis);
  });
};
