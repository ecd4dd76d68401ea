import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * The outputs of each stack that exists, the tables in it, and what else is, by logical id: type
 * and physical id.
 */
export type Stacks = Readonly<
  Record<
    string,
    {
      outputs: Record<string, string>;
      tables: string[];
      resources?: Record<string, readonly [type: string, id: string]>;
    }
  >
>;

/** As much of CloudFormation as the command line asks for: no embedded server plays it. */
export async function startCloudFormation(
  stacks: Stacks,
): Promise<{ endpoint: string; close: () => Promise<void> }> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      const { status, xml } = answer(stacks, new URLSearchParams(body));
      response.writeHead(status, { 'content-type': 'text/xml' }).end(xml);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answer(stacks: Stacks, request: URLSearchParams): { status: number; xml: string } {
  const name = request.get('StackName') ?? '';
  const stack = stacks[name];
  if (stack === undefined) {
    const error = `<Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id ${name} does not exist</Message>`;
    return { status: 400, xml: `<ErrorResponse><Error>${error}</Error></ErrorResponse>` };
  }
  const action = request.get('Action') ?? '';
  const result =
    action === 'DescribeStacks'
      ? stackXml(name, stack.outputs)
      : resourcesXml(stack.tables, stack.resources);
  return {
    status: 200,
    xml: `<${action}Response><${action}Result>${result}</${action}Result></${action}Response>`,
  };
}

function stackXml(name: string, outputs: Record<string, string>): string {
  const members = Object.entries(outputs).map(
    ([key, value]) =>
      `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`,
  );
  const times =
    '<CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>';
  return `<Stacks><member><StackName>${name}</StackName>${times}<Outputs>${members.join('')}</Outputs></member></Stacks>`;
}

function resourcesXml(
  tables: readonly string[],
  resources: NonNullable<Stacks[string]['resources']> = {},
): string {
  const all = [
    ...tables.map((table) => ['', 'AWS::DynamoDB::Table', table] as const),
    ...Object.entries(resources).map(([logicalId, [type, id]]) => [logicalId, type, id] as const),
  ];
  const members = all.map(
    ([logicalId, type, id]) =>
      `<member><LogicalResourceId>${logicalId}</LogicalResourceId><ResourceType>${type}</ResourceType><PhysicalResourceId>${id}</PhysicalResourceId></member>`,
  );
  return `<StackResourceSummaries>${members.join('')}</StackResourceSummaries>`;
}
