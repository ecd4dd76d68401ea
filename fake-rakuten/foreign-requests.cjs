// Rejects requests that a web page on this machine's browser sends to the local run. Plain
// JavaScript, as the worker threads of the embedded servers run without a TypeScript loader.
'use strict';

/** Names of the loopback address; any other `Host` is a name that a web page made resolve to it. */
const LOOPBACK = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/;

/**
 * Why a request is rejected; undefined when a program on this machine or the run's own page sent
 * it.
 */
function foreign({ host, origin, 'sec-fetch-site': site }) {
  if (!LOOPBACK.test(host ?? ''))
    return `the Host header is ${JSON.stringify(host)}, not this machine`;
  if (origin !== undefined && origin !== `http://${host}`)
    return `the page ${JSON.stringify(origin)} has no access`;
  // An image, a script or a link of another page is requested without an Origin header.
  if (site !== undefined && site !== 'same-origin' && site !== 'none')
    return 'another web page has no access';
  return undefined;
}

/**
 * Puts a check in front of everything that handles requests of the server.
 *
 * @param {import('node:http').Server} server
 * @param {(request: import('node:http').IncomingMessage, response:
 *   import('node:http').ServerResponse) => boolean} answers whether it answered the request itself
 */
function interceptRequests(server, answers) {
  const handlers = server.listeners('request');
  server.removeAllListeners('request');
  server.on('request', (request, response) => {
    if (answers(request, response)) return;
    for (const handler of handlers) handler.call(server, request, response);
  });
}

/** @param {import('node:http').Server} server */
const rejectForeignRequests = (server) =>
  interceptRequests(server, (request, response) => {
    const reason = foreign(request.headers);
    if (reason === undefined) return false;
    request.resume();
    response.writeHead(403, { 'content-type': 'text/plain' }).end(`Rejected: ${reason}.\n`);
    return true;
  });

module.exports = { interceptRequests, rejectForeignRequests };
