import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { bundledPackages, findAdvisories } from '../../../tools/security/advisories';

const NOTICES = `Code of these packages is part of the files beside this one.

@smithy/signature-v4 5.7.5 (Apache-2.0)
commander 14.0.1 (MIT)

                           Version 2.0, January 2004
`;

let server: Server;
let answer: { status: number; body: string };
let asked: unknown;
beforeAll(async () => {
  server = createServer(async (request, response) => {
    asked = { path: request.url, packages: JSON.parse(await text(request)) };
    response.writeHead(answer.status).end(answer.body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => server.close());

const found = () =>
  findAdvisories(
    bundledPackages(NOTICES, NOTICES, 'commander 13.1.0 (MIT)'),
    `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
  );

it('asks about each name and version in the notices once', async () => {
  answer = { status: 200, body: '{}' };
  expect(await found()).toEqual([]);
  expect(asked).toEqual({
    path: '/-/npm/v1/security/advisories/bulk',
    packages: { '@smithy/signature-v4': ['5.7.5'], commander: ['14.0.1', '13.1.0'] },
  });
});

it('names package, severity, title and address of an advisory', async () => {
  const advisory = {
    id: 1,
    url: 'https://github.com/advisories/GHSA-1',
    title: 'Runs options',
    severity: 'high',
    vulnerable_versions: '*',
  };
  answer = { status: 200, body: JSON.stringify({ commander: [advisory] }) };
  expect(await found()).toEqual([
    'commander 14.0.1, 13.1.0: high: Runs options (https://github.com/advisories/GHSA-1)',
  ]);
});

it.each([
  [404, '{}'],
  [200, '<html>'],
  [200, '[]'],
  [503, ''],
])('takes the answer %s %s for no advisory service', async (status, body) => {
  answer = { status, body };
  expect(await found()).toBeUndefined();
});

it('takes a registry that is not reachable for no advisory service', async () => {
  expect(await findAdvisories({}, 'http://127.0.0.1:1/')).toBeUndefined();
});
