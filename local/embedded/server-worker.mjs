// Entry of a worker thread that runs one embedded server: `sqs` (fauxqs) or `dynamodb` (dynalite),
// on 127.0.0.1 only. A thread, because both are busy during a load run and the gateway must not
// wait for them, and because it can never outlive the process that started it. Plain JavaScript, so
// that the thread needs no TypeScript loader.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import { interceptRequests, rejectForeignRequests } from '../../fake-rakuten/foreign-requests.cjs';

let refusal;

/**
 * Answers a call in the server's place while a refusal is set for its operation. Returns whether it
 * did.
 */
function refuse(request, response) {
  const operation = String(request.headers['x-amz-target'] ?? '').split('.')[1];
  if (refusal === undefined || !refusal.operations.includes(operation)) return false;
  if (refusal.times !== undefined) {
    if (refusal.times === 0) return false;
    refusal.times -= 1;
  }
  const { status, type, message } = refusal;
  request.resume();
  if (status === 0) {
    request.socket.destroy();
  } else {
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(JSON.stringify({ __type: type, message }));
  }
  parentPort.postMessage({ refused: operation });
  return true;
}

/** Foreign requests are rejected first. */
function guard(server) {
  interceptRequests(server, refuse);
  rejectForeignRequests(server);
}

async function createSqs(region) {
  const entry = import.meta.resolve('fauxqs');
  const { buildApp } = await import(entry);
  // fauxqs only makes queue URLs like http://sqs.us-east-1.localhost:1234/…, which not every
  // resolver knows. Its stores are not exported, but with an empty host they name a queue by the
  // host of the request, which is 127.0.0.1 here.
  const stores = {};
  for (const [key, path, name] of [
    ['sqsStore', './sqs/sqsStore.js', 'SqsStore'],
    ['snsStore', './sns/snsStore.js', 'SnsStore'],
    ['s3Store', './s3/s3Store.js', 'S3Store'],
  ]) {
    const module = await import(new URL(path, entry).href);
    stores[key] = new module[name]();
  }
  stores.sqsStore.host = '';
  const app = buildApp({ logger: false, defaultRegion: region, stores });
  return {
    async listen(port) {
      await app.ready();
      guard(app.server);
      await app.listen({ host: '127.0.0.1', port });
      return app.server.address().port;
    },
    close: () => app.close(),
  };
}

async function createDynamoDb() {
  const { default: dynalite } = await import('dynalite');
  const server = dynalite({ createTableMs: 0, updateTableMs: 0, deleteTableMs: 0 });
  guard(server);
  return {
    listen: (port) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, '127.0.0.1', () => resolve(server.address().port));
      }),
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

// dynalite throws what its request streams report: a client that is killed in the middle of a call
// would take the database with it.
process.on('uncaughtException', (error) => {
  if (error.code === 'ECONNRESET') return;
  parentPort.postMessage({ failed: error.stack ?? String(error) });
});

const { kind, region, port } = workerData;
const server = kind === 'sqs' ? await createSqs(region) : await createDynamoDb();

parentPort.on('message', async (message) => {
  if ('refusal' in message) {
    refusal = message.refusal;
    parentPort.postMessage({ refusalSet: true });
  } else if (message.measure) {
    setFlagsFromString('--expose-gc');
    runInNewContext('gc')();
    const { heapUsed, external } = process.memoryUsage();
    parentPort.postMessage({ memory: heapUsed + external });
  } else if (message.close) {
    await server.close();
    parentPort.close();
  }
});

try {
  parentPort.postMessage({ port: await server.listen(port) });
} catch (error) {
  parentPort.postMessage({ failed: error.message });
}
