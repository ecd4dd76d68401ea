import { UserError } from '../../errors';

/**
 * What Rakuten's API is called with: client id and secret for minted tokens, or a token made by
 * hand.
 */
export type RakutenCredentials =
  | { readonly clientId: string; readonly clientSecret: string; readonly accessToken?: undefined }
  | { readonly accessToken: string };

const FORM = '{"clientId": "…", "clientSecret": "…"}';
const HOW_TO_FILL =
  `put ${FORM} into it (client id and secret from Rakuten's portal: Account, Applications), or {"accessToken": "…"}, ` +
  'for example with: aws secretsmanager put-secret-value --secret-id <name> --secret-string file://credentials.json';

/**
 * The secret with the credentials cannot be used as it is. The message says why and how to fill it,
 * and holds nothing of its value.
 */
const credentialsError = (secretName: string, problem: string): UserError =>
  new UserError({
    name: 'CredentialsError',
    problem: `The credentials secret ${secretName} ${problem}`,
    nextStep: HOW_TO_FILL,
  });

/**
 * Reads the secret's text. Also takes `client_id`, `client_secret` and `access_token`, as Rakuten's
 * own answers spell it.
 */
export function parseCredentials(text: string, secretName: string): RakutenCredentials {
  if (text.trim() === '') throw credentialsError(secretName, 'is empty');
  const value = parseObject(text, secretName);
  const read = (...names: string[]): string | undefined => {
    const found = names.map((name) => value[name]).find((v) => v !== undefined && v !== null);
    return found === undefined ? undefined : String(found).trim();
  };
  const accessToken = read('accessToken', 'access_token');
  if (accessToken !== undefined && accessToken !== '')
    return { accessToken: checked(accessToken, 'accessToken', secretName) };
  const clientId = read('clientId', 'client_id');
  const clientSecret = read('clientSecret', 'client_secret');
  const missing = [...(clientId ? [] : ['clientId']), ...(clientSecret ? [] : ['clientSecret'])];
  if (clientId === undefined || clientSecret === undefined || missing.length > 0) {
    const names = Object.keys(value)
      .slice(0, 10)
      .map((name) => name.slice(0, 40));
    throw credentialsError(
      secretName,
      `has no value for ${missing.join(' and ')} (its keys: ${names.join(', ') || 'none'})`,
    );
  }
  return {
    clientId: checked(clientId, 'clientId', secretName),
    clientSecret: checked(clientSecret, 'clientSecret', secretName),
  };
}

function parseObject(text: string, secretName: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw credentialsError(secretName, 'is not JSON');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw credentialsError(secretName, 'is JSON, but not an object');
}

/**
 * A header takes visible ASCII only, and a value in angle brackets or of dots is one that was never
 * filled in.
 */
function checked(value: string, key: string, secretName: string): string {
  if (/^<.*>$|^[.…]+$/.test(value))
    throw credentialsError(secretName, `still has a placeholder as ${key}`);
  if (!/^[\x21-\x7e]+$/.test(value)) {
    throw credentialsError(
      secretName,
      `has a space or a special character inside ${key}, so it was not copied as it is`,
    );
  }
  return value;
}
