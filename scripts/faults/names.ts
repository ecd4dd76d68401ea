/** What the cases agree on. */
export const TABLE = 'transactions';
export const STATE_TABLE = 'state';
export const CLIENT = { clientId: 'client-id-of-the-faults', clientSecret: 'client-secret-of-the-faults' };
export const URL_SECRET = 'UrlSecretOfTheFaults0123456789abcdefghij';
/** None of these may be seen in anything that a function writes; a case that makes a secret adds it to its world's. */
export const SECRETS = [
  CLIENT.clientSecret,
  URL_SECRET,
  'fake-access-',
  Buffer.from(`${CLIENT.clientId}:${CLIENT.clientSecret}`).toString('base64'),
];
