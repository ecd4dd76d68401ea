import { parseProperties } from '../../../core/registration/properties';
import { readUrlSecret } from '../../../core/registration/run';
import { accepts, markFor } from '../../../core/registration/state';
import type { Examination, KnownPublisher } from '../examination';
import { type Check, type Finding, ok, problem, UNREGISTERED } from '../finding';
import { secretTrouble } from './api-credentials';

export const urlSecret: Check = {
  area: 'Rakuten',
  name: 'Secret in the URL',
  permissions: ['secretsmanager:GetSecretValue on the URL secret'],
  run: async (examination) => {
    const publishers = await examination.publishers();
    return Promise.all(
      publishers.map((publisher) => ofPublisher(examination, publisher, publishers.length > 1)),
    );
  },
};

async function ofPublisher(
  examination: Examination,
  publisher: KnownPublisher,
  isOneOfMany: boolean,
): Promise<Finding> {
  const what = isOneOfMany ? `Secret in the URL of ${publisher.sid}` : undefined;
  // The consumer accepts it no more, and is not to.
  if (publisher.properties === undefined) return { ...UNREGISTERED, what };
  const desired = parseProperties(publisher.wanted);
  try {
    const secret = await readUrlSecret({
      ports: examination,
      desired,
      redactor: examination.redactor,
    });
    if (accepts(publisher, markFor(secret, desired.fields)))
      return { ...ok('readable, and the consumer accepts it'), what };
    return {
      ...problem(
        'the consumer does not accept its current value: it was changed by hand, or a rotation was cut off',
        'cdk-rakuten-postback rotate-secret, which puts a new one everywhere',
      ),
      what,
    };
  } catch (error) {
    return { ...secretTrouble(error, desired.urlSecret), what };
  }
}
