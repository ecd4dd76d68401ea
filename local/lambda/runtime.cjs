// What runs in the process of a local Lambda function: loads the handler as AWS's Node runtime does
// and answers invocations, one at a time. Started by environment.ts with nothing in its environment
// but what the function itself would see.
const { join } = require('node:path');

const [, , taskRoot, handlerName] = process.argv;
const dot = handlerName.lastIndexOf('.');
let handler;

/**
 * Loads on the first invocation, so that an error while loading is an error of that invocation, as
 * on AWS.
 */
function load() {
  handler ??= require(join(taskRoot, handlerName.slice(0, dot)))[handlerName.slice(dot + 1)];
  if (typeof handler !== 'function')
    throw new Error(`the bundle exports no function for the handler ${handlerName}`);
  return handler;
}

const errorForm = (error) => ({
  errorType: error instanceof Error ? error.name : typeof error,
  errorMessage: error instanceof Error ? error.message : String(error),
  stack: error instanceof Error ? error.stack : undefined,
});

async function answer(event, context, deadline) {
  try {
    const result = await load()(event, {
      ...context,
      getRemainingTimeInMillis: () => deadline - Date.now(),
    });
    return { result: result ?? null, memory: process.memoryUsage().rss };
  } catch (error) {
    return { error: errorForm(error) };
  }
}

process.on('message', async ({ id, event, context, deadline }) => {
  const reply = await answer(event, context, deadline);
  // As Lambda writes it. Whoever reads this has read all that the invocation wrote before.
  process.stdout.write(`END RequestId: ${context.awsRequestId}\n`);
  process.send({ id, ...reply });
});

// Ctrl-C reaches every process of the terminal: the parent decides when this one ends.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit());
