// Rejects requests that a web page on this machine's browser sends to the local run. Plain
// JavaScript, as the worker threads of the embedded servers run without a TypeScript loader.
'use strict';

/** Names of the loopback address; any other `Host` is a name that a web page made resolve to it. */
const LOOPBACK = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/;

/** Why a request is rejected; undefined when a program on this machine or the run's own page sent it. */
function foreign({ host, origin, 'sec-fetch-site': site }) {
  if (!LOOPBACK.test(host ?? '')) return `the Host header is ${JSON.stringify(host)}, not this machine`;
  if (origin !== undefined && origin !== `http://${host}`) return `the page ${JSON.stringify(origin)} has no access`;
  // An image, a script or a link of another page is requested without an Origin header.
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return 'another web page has no access';
  return undefined;
}

/**
 * Puts the check in front of everything that handles requests of the server.
 *
 * @param {import('node:http').Server} server
 */
function rejectForeignRequests(server) {
  const handlers = server.listeners('request');
  server.removeAllListeners('request');
  server.on('request', (request, response) => {
    const reason = foreign(request.headers);
    if (reason === undefined) {
      for (const handler of handlers) handler.call(server, request, response);
    } else {
      request.resume();
      response.writeHead(403, { 'content-type': 'text/plain' }).end(`Rejected: ${reason}.\n`);
    }
  });
}

module.exports = { rejectForeignRequests };
