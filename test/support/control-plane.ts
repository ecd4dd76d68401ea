import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What a diagnosis asks AWS for and no embedded server plays: who somebody is, functions,
 * schedules, metrics. What has no answer here is denied, as to somebody who may not ask.
 */
export class ControlPlane {
  static readonly ACCOUNT = '123456786789';
  /** By operation. */
  answers: Record<string, unknown> = {};
  private readonly server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const operation = operationOf(
      request.url ?? '',
      String(request.headers['x-amz-target'] ?? ''),
      body,
    );
    const answer = this.answers[operation.split(':')[1] ?? ''];
    if (typeof answer === 'string')
      return response.writeHead(200, { 'content-type': 'text/xml' }).end(answer);
    if (answer !== undefined)
      return response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify(answer));
    const message = `User: arn:aws:sts::${ControlPlane.ACCOUNT}:assumed-role/Support/alice@example.com is not authorized to perform: ${operation} on resource: *`;
    const xml = `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>${message}</Message></Error></ErrorResponse>`;
    if (operation.startsWith('sts:'))
      return response.writeHead(403, { 'content-type': 'text/xml' }).end(xml);
    response.writeHead(403, {
      'content-type': 'application/json',
      'x-amzn-errortype': 'AccessDeniedException',
    });
    return response.end(JSON.stringify({ __type: 'AccessDeniedException', message }));
  });

  static async start(): Promise<ControlPlane> {
    const plane = new ControlPlane();
    plane.server.listen(0, '127.0.0.1');
    await once(plane.server, 'listening');
    return plane;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Of the embedded queue's account, or of the one here. */
  arnOf(service: 'sqs' | 'lambda', name: string): string {
    return `arn:aws:${service}:us-east-1:${service === 'sqs' ? '000000000000' : ControlPlane.ACCOUNT}:${name}`;
  }

  identity(caller: string): string {
    const { ACCOUNT } = ControlPlane;
    const result = `<Arn>arn:aws:sts::${ACCOUNT}:${caller}</Arn><UserId>U</UserId><Account>${ACCOUNT}</Account>`;
    return `<GetCallerIdentityResponse><GetCallerIdentityResult>${result}</GetCallerIdentityResult></GetCallerIdentityResponse>`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** As a policy names it. */
function operationOf(url: string, target: string, body: string): string {
  const [service, operation] = target.split('.');
  if (operation !== undefined)
    return `${service === 'AWSEvents' ? 'events' : 'cloudwatch'}:${operation}`;
  if (url.includes('/event-source-mappings')) return 'lambda:ListEventSourceMappings';
  if (/\/functions\/.+\/configuration/.test(url)) return 'lambda:GetFunctionConfiguration';
  if (/\/functions\/.+\/concurrency/.test(url)) return 'lambda:GetFunctionConcurrency';
  return `sts:${new URLSearchParams(body).get('Action')}`;
}
