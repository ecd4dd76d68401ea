// Runs a handler on the events that it is sent, one after the other, and answers with what that
// took: processor time of all threads, time passed and memory.
const [, , bundle] = process.argv;
const { handler } = require(bundle);
const context = {
  awsRequestId: 'bench',
  functionName: 'bench',
  getRemainingTimeInMillis: () => 30_000,
};

process.on('message', async (events) => {
  const failures = [];
  globalThis.gc?.();
  const cpuBefore = process.cpuUsage();
  const before = process.hrtime.bigint();
  for (const event of events) {
    const answer = await handler(event, context);
    failures.push(...(answer?.batchItemFailures ?? []));
  }
  const wall = Number(process.hrtime.bigint() - before) / 1e6;
  const { user, system } = process.cpuUsage(cpuBefore);
  process.send({
    cpu: (user + system) / 1e3,
    wall,
    failures: failures.length,
    peakKilobytes: process.resourceUsage().maxRSS,
  });
});
