import { LOCAL_REGION } from './clients';
import { type FaultyServer, startServerThread } from './server-thread';

/**
 * Starts an empty SQS in memory (fauxqs) on 127.0.0.1. It speaks the JSON protocol of today's SDKs
 * only: a form-encoded `SendMessage`, as API Gateway sends it, is answered 200 and lost, so the
 * local gateway sends through an SDK client instead.
 */
export const startSqs = (options: { port?: number } = {}): Promise<FaultyServer> =>
  startServerThread('sqs', { region: LOCAL_REGION, ...options });
