import { Readable } from 'node:stream';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { HttpResponse } from '@smithy/core/protocols';
import { type HttpSend, sendHttp } from '../../core/rakuten/api/http';
import { dynamoDbClient } from '../../local/embedded/clients';

/** A request as the SDK passes it to its request handler. */
interface SdkRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/**
 * Answers requests from memory after the first time, so that only the caller's time counts.
 *
 * For reads only.
 */
export class Replay {
  private readonly answers = new Map<string, Promise<{ readonly status: number; readonly body: string }>>();

  /** A client of this server. */
  dynamoDb(endpoint: string): DynamoDBClient {
    const { region, credentials } = dynamoDbClient(endpoint).config;
    return new DynamoDBClient({ endpoint, region, credentials, requestHandler: { handle: (request: SdkRequest) => this.handle(request) } });
  }

  /** Calls to Rakuten. */
  readonly http: HttpSend = async (request) => {
    const { status, body } = await this.once(`${request.method} ${request.url}`, () => sendHttp(request));
    return { status, body, headers: {} };
  };

  private async handle({ protocol, hostname, port, path, headers, body }: SdkRequest): Promise<{ readonly response: HttpResponse }> {
    const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
    const answer = await this.once(`${headers['x-amz-target']} ${text}`, async () => {
      const { host: _, 'content-length': __, ...others } = headers;
      const answered = await fetch(`${protocol}//${hostname}:${port}${path}`, { method: 'POST', headers: others, body: text });
      return { status: answered.status, body: await answered.text() };
    });
    const response = new HttpResponse({
      statusCode: answer.status,
      headers: { 'content-type': 'application/x-amz-json-1.0' },
      body: Readable.from([Buffer.from(answer.body)]),
    });
    return { response };
  }

  private once(key: string, answer: () => Promise<{ readonly status: number; readonly body: string }>) {
    const known = this.answers.get(key) ?? answer();
    this.answers.set(key, known);
    return known;
  }
}
