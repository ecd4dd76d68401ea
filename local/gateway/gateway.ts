import { randomBytes, randomUUID } from 'node:crypto';
import * as http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { close, listen } from '../../fake-rakuten/http-server';
import { LOCAL_ACCOUNT } from '../embedded/clients';
import { LatencyHistogram } from './latency';
import { decodeQuery } from './query';
import {
  type IntegrationResponse,
  type RestApi,
  type RestMethod,
  selectResponse,
} from './rest-api';
import { NoAnswer, SqsBackend } from './sqs-backend';
import type { MappingTemplate } from './velocity';

/** What the gateway answered so far. */
export interface GatewayStatistics {
  /** How many answers had each HTTP status. */
  readonly byStatus: ReadonlyMap<number, number>;
  /**
   * From the request's arrival to its answer, as API Gateway's metric `Latency`, of every request
   * that reached an integration.
   */
  readonly latency: LatencyHistogram;
}

/**
 * An HTTP server on 127.0.0.1 that serves a REST API the way API Gateway does: by the template's
 * own mapping templates and responses.
 */
export interface Gateway {
  /** Base URL without the stage, `http://127.0.0.1:<port>`. */
  readonly url: string;
  /** Serves this API from now on. Until then every request is answered 503. */
  deploy(api: RestApi): void;
  readonly statistics: GatewayStatistics;
  close(): Promise<void>;
}

export interface GatewayOptions {
  /** Port on 127.0.0.1. @default - a free one */
  readonly port?: number;
  /** Base URL of the SQS that integrations send to. */
  readonly sqsEndpoint: string;
}

/** An answer of API Gateway's own, or of an integration. */
interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const backend = new SqsBackend(options.sqsEndpoint);
  const byStatus = new Map<number, number>();
  const latency = new LatencyHistogram();
  let api: RestApi | undefined;

  const count = (status: number): void => {
    byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
  };
  const server = http.createServer(async (request, response) => {
    const arrived = performance.now();
    request.resume();
    const method = api && findMethod(api, request);
    const answer =
      api === undefined
        ? NOT_DEPLOYED
        : method === undefined
          ? NO_SUCH_METHOD
          : await integrate(backend, api, method, request);
    response.writeHead(answer.status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(answer.body),
      ...answer.headers,
    });
    response.end(answer.body);
    count(answer.status);
    if (method !== undefined) latency.record(performance.now() - arrived);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return;
    // What Node's parser takes for no request at all: spaces or raw bytes in the request line, an
    // overlong URL.
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? 414 : 400;
    count(status);
    socket.end(
      `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
    );
  });
  await listen(server, options.port ?? 0);

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    deploy: (deployed) => {
      api = deployed;
    },
    statistics: { byStatus, latency },
    close: async () => {
      await close(server);
      backend.close();
    },
  };
}

function findMethod(api: RestApi, request: http.IncomingMessage): RestMethod | undefined {
  const [path = ''] = (request.url ?? '').split('?', 1);
  return api.methods.find(
    (method) =>
      method.httpMethod === request.method && path === `/${api.stage}${method.resourcePath}`,
  );
}

async function integrate(
  backend: SqsBackend,
  api: RestApi,
  method: RestMethod,
  request: http.IncomingMessage,
): Promise<Answer> {
  const { integration } = method;
  // API Gateway takes a request without a type for JSON. Whether it looks beyond a `;` is not
  // documented; here it does not.
  const [contentType = ''] = (request.headers['content-type'] ?? 'application/json').split(';', 1);
  const template = integration.requestTemplates.get(contentType.trim().toLowerCase());
  if (template === undefined) return UNSUPPORTED_MEDIA_TYPE;

  const ids = {
    requestId: randomUUID(),
    extendedRequestId: `${randomBytes(8).toString('base64url')}FiA=`,
  };
  const headers = { 'x-amzn-requestid': ids.requestId, 'x-amz-apigw-id': ids.extendedRequestId };
  const rendered = template.render({
    querystring: decodeQuery(request.url ?? ''),
    context: requestContext(api, method, request, ids),
  });
  try {
    const backendAnswer = await backend.send(integration, rendered);
    const selected = selectResponse(integration.responses, backendAnswer.status);
    if (selected === undefined || !method.statusCodes.includes(selected.statusCode))
      return { ...INTERNAL_ERROR, headers };
    const body = responseTemplate(selected, request.headers.accept)?.render({
      querystring: new Map(),
    });
    return { status: Number(selected.statusCode), body: body ?? backendAnswer.body, headers };
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    return { ...(error.reason === 'timeout' ? INTEGRATION_TIMEOUT : INTERNAL_ERROR), headers };
  }
}

function requestContext(
  api: RestApi,
  { httpMethod, resourcePath }: RestMethod,
  request: http.IncomingMessage,
  ids: { readonly requestId: string; readonly extendedRequestId: string },
): Record<string, unknown> {
  return {
    ...ids,
    accountId: LOCAL_ACCOUNT,
    apiId: api.id,
    stage: api.stage,
    httpMethod,
    resourcePath,
    path: `/${api.stage}${resourcePath}`,
    protocol: `HTTP/${request.httpVersion}`,
    requestTimeEpoch: Date.now(),
    identity: {
      sourceIp: request.socket.remoteAddress ?? '',
      userAgent: request.headers['user-agent'] ?? '',
    },
  };
}

/**
 * The template for what the client accepts; API Gateway falls back to JSON, then to whatever there
 * is.
 */
function responseTemplate(
  { templates }: IntegrationResponse,
  accept = 'application/json',
): MappingTemplate | undefined {
  const wanted = accept.split(',').map((type) => type.split(';', 1)[0]?.trim() ?? '');
  const found = wanted.find((type) => templates.has(type));
  return templates.get(found ?? 'application/json') ?? templates.values().next().value;
}

const own = (status: number, message: string): Answer => ({
  status,
  body: JSON.stringify({ message }),
});

const NO_SUCH_METHOD = own(403, 'Missing Authentication Token');
const UNSUPPORTED_MEDIA_TYPE = own(415, 'Unsupported Media Type');
const INTERNAL_ERROR = own(500, 'Internal server error');
const INTEGRATION_TIMEOUT = own(504, 'Endpoint request timed out');
const NOT_DEPLOYED = own(503, 'the API is not deployed yet');
