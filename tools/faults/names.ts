/** Names that the cases share. */
export const TABLE = 'transactions';
export const STATE_TABLE = 'state';
export const CLIENT = {
  clientId: 'client-id-of-the-faults',
  clientSecret: 'client-secret-of-the-faults',
};
export const URL_SECRET = 'UrlSecretOfTheFaults0123456789abcdefghij';
/** Texts that no function may log. A case that makes a secret adds it to those of its world. */
export const SECRETS = [
  CLIENT.clientSecret,
  URL_SECRET,
  'fake-access-',
  Buffer.from(`${CLIENT.clientId}:${CLIENT.clientSecret}`).toString('base64'),
];
