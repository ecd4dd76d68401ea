import { parseCredentials } from '../../../core/rakuten/api/credentials';
import { isAccessDenied } from '../../../core/registration/lease';
import { parseProperties } from '../../../core/registration/properties';
import type { Examination, KnownPublisher } from '../examination';
import { type Check, type Finding, ok } from '../finding';
import { findingOf, lacking } from '../trouble';

export const apiCredentials: Check = {
  area: 'Rakuten',
  name: 'API credentials',
  permissions: ['secretsmanager:GetSecretValue on the credentials secret'],
  run: async (examination) => {
    const publishers = await examination.publishers();
    return Promise.all(
      publishers.map((publisher) => ofPublisher(examination, publisher, publishers.length > 1)),
    );
  },
};

async function ofPublisher(
  examination: Examination,
  { sid, wanted }: KnownPublisher,
  isOneOfMany: boolean,
): Promise<Finding> {
  const what = isOneOfMany ? `API credentials of ${sid}` : undefined;
  const { credentialsSecret } = parseProperties(wanted);
  try {
    const { accessToken } = parseCredentials(
      await examination.readSecret(credentialsSecret),
      credentialsSecret,
    );
    const shape =
      accessToken === undefined
        ? 'client id and client secret'
        : 'a ready-made access token, which ends some day';
    return { ...ok(`readable, with ${shape}`), what };
  } catch (error) {
    return { ...secretTrouble(error, credentialsSecret), what };
  }
}

/** The next step of a denied read is for the functions' roles; here the user's own are too weak. */
export function secretTrouble(error: unknown, id: string): Finding {
  if (!isAccessDenied(error)) return findingOf(error);
  return lacking(`secretsmanager:GetSecretValue on ${id} (and kms:Decrypt on its key)`);
}
