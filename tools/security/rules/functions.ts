// What the rules of functions.yml find, and what they leave alone. This file is code for a test of
// Semgrep, never run or compiled.

// ruleid: expression-of-a-variable
const sought = new RegExp(name, 'g');
// ok: expression-of-a-variable
const fixed = new RegExp('^a+$', 'u');

const wrong = {
  TableName: table,
  // ruleid: value-in-an-expression
  FilterExpression: `u1 = ${member}`,
};
const alsoWrong = {
  // ruleid: value-in-an-expression
  UpdateExpression: 'SET #a = ' + value,
};
const placeholders = {
  // ok: value-in-an-expression
  UpdateExpression: `SET ${expression.name('a')} = :a`,
  ExpressionAttributeValues: { ':a': { S: value } },
};
const chosenText = {
  // ok: value-in-an-expression
  UpdateExpression: `SET #a = :a${isNew ? ', #b = :b' : ''}`,
};

async function tellsSecrets(ports, redactor) {
  const secret = await ports.readSecret(name);
  // ruleid: secret-in-an-error-or-a-log
  if (secret.length < 4) throw new CredentialsError(`the secret ${secret} is too short`);
  const header = `Bearer ${accessToken}`;
  // ruleid: secret-in-an-error-or-a-log
  log.info('calling', { header });
  // ruleid: secret-in-an-error-or-a-log
  ports.log('registered', { to: postbackUrl(endpoint, secret, fields) });
  // ok: secret-in-an-error-or-a-log
  ports.log('registered', { hash: sha256(secret) });
  // ok: secret-in-an-error-or-a-log
  throw new CredentialsError(redactor.clean(`no such secret: ${secret}`));
}

function tellsUrls(request, record) {
  // ruleid: url-or-message-in-an-error-or-a-log
  throw new HttpFailure(`no answer of ${request.url}`);
}
function tellsMessages(record) {
  const { body } = record;
  const text = `cannot read ${record.body}`;
  // ruleid: url-or-message-in-an-error-or-a-log
  log.warn('rejected', { text });
  // ok: url-or-message-in-an-error-or-a-log
  log.warn('rejected', { text: maskedBody(record.body) });
  // ok: url-or-message-in-an-error-or-a-log
  log.warn('rejected', { url: summarizeUrl(url), requestId: record.messageId });
}

export async function handler(event, context) {
  // ruleid: event-or-environment-in-a-log
  log.info('got', event);
  // ruleid: event-or-environment-in-a-log
  log.info('got', { event });
  // ruleid: event-or-environment-in-a-log
  log.error('failed', { where: process.env });
  // ruleid: event-or-environment-in-a-log
  throw new Error(`cannot handle ${JSON.stringify(event)}`);
}
export async function namedHandler(event, context) {
  // ok: event-or-environment-in-a-log
  log.info('batch', { messages: event.Records.length });
  // ok: event-or-environment-in-a-log
  return work(event);
}

async function swallows() {
  // ruleid: swallowed-error
  try {
    work();
  } catch {}
  // ruleid: swallowed-error
  await send().catch(() => undefined);
  // ruleid: swallowed-error
  await send().catch(() => {});
  // ok: swallowed-error
  await send().catch((error) => log.warn('not sent', { reason: error.name }));
  // ruleid: unnamed-error-of-a-call
  try {
    const answer = await client.send(command);
    return answer;
  } catch {
    return undefined;
  }
}
function looksWhetherItIsJson(text) {
  // ok: swallowed-error, unnamed-error-of-a-call
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// ruleid: guessable-secret
const newSecret = String(Math.random());
// ok: guessable-secret
const backOff = { random: Math.random };

// ruleid: secret-compared-by-sign
if (secret === given) accept();
// ok: secret-compared-by-sign
if (secret === undefined) refuse();
