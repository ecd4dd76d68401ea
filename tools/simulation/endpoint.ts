import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProbeResult } from '../../core/registration/ports';
import type { Random } from '../../fake-rakuten/random';
import { decodeQuery } from '../../local/gateway/query';
import { type MappingTemplate, parseTemplate } from '../../local/gateway/velocity';
import type { World } from './world';

export const ENDPOINT_URL = 'https://campaign.execute-api.us-east-1.amazonaws.com/prod/postback';

/** A new connection, with its handshakes. Milliseconds. */
const CONNECT = [55, 170] as const;
/** API Gateway and SQS. */
const ANSWER = [12, 70] as const;
/** What a slow spell adds, to either part. */
const SLOWNESS = [250, 2_500] as const;

/**
 * The endpoint as the construct makes it: the mapping template in the engine of the local run, and
 * 200 only when the queue has the message.
 */
export class SimulatedEndpoint {
  private readonly template: MappingTemplate;
  private requests = 0;

  public constructor(
    private readonly world: World,
    private readonly random: Random,
  ) {
    this.template = parseTemplate(
      readFileSync(join(__dirname, '..', '..', 'lib', 'ingestion-api.vtl'), 'utf8').trim(),
    );
  }

  /**
   * One GET on a new connection. A GET that times out after it reached the endpoint is stored.
   *
   * @param onStored called when the queue has the message
   */
  public async get(
    url: string,
    timeoutMillis: number,
    onStored?: () => void,
  ): Promise<ProbeResult> {
    const { clock, incidents } = this.world;
    if (incidents.severity('endpoint unreachable', clock.now()) > 0) {
      const millis = between(this.random, 20, 60);
      await clock.sleep(millis);
      return { millis, error: 'ECONNREFUSED' };
    }
    const connecting = between(this.random, ...CONNECT) + this.slowness();
    if (connecting >= timeoutMillis) return this.timeout(timeoutMillis, timeoutMillis);
    await clock.sleep(connecting);
    const status = this.store(url, onStored);
    const answering = between(this.random, ...ANSWER) + this.slowness();
    const millis = Math.round((connecting + answering) * 100) / 100;
    if (millis >= timeoutMillis) return this.timeout(timeoutMillis - connecting, timeoutMillis);
    await clock.sleep(answering);
    return { status, millis };
  }

  private async timeout(left: number, millis: number): Promise<ProbeResult> {
    await this.world.clock.sleep(left);
    return { millis, error: 'timeout' };
  }

  private slowness(): number {
    const { clock, incidents } = this.world;
    const isSlow = this.random.chance(incidents.severity('endpoint slow', clock.now()) / 2);
    return isSlow ? between(this.random, ...SLOWNESS) : 0;
  }

  private store(url: string, onStored: (() => void) | undefined): number {
    const { clock, queue, incidents } = this.world;
    if (this.random.chance(incidents.severity('endpoint answers 500', clock.now()))) return 500;
    this.requests += 1;
    const rendered = this.template.render({
      // Node passes a request line on as one character for each byte. A client keeps the fragment.
      querystring: decodeQuery(Buffer.from(withoutFragment(url)).toString('latin1')),
      context: {
        requestTimeEpoch: clock.now(),
        extendedRequestId: `${this.requests.toString(36).padStart(8, '0')}FiA=`,
        identity: { sourceIp: '198.51.100.7' },
      },
    });
    const form = new URLSearchParams(rendered);
    const body = form.get('MessageBody');
    if (form.get('Action') !== 'SendMessage' || body === null || body === '') return 500;
    queue.send(body);
    onStored?.();
    return 200;
  }
}

/** What a client sends of a URL. */
export const withoutFragment = (url: string): string => url.split('#', 1)[0] ?? '';

const between = (random: Random, least: number, most: number): number =>
  least + random.next() * (most - least);
