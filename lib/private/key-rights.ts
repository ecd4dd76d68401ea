import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type * as lambda from 'aws-cdk-lib/aws-lambda';

/**
 * Lets functions read and write a table that is encrypted under a key of the user's. Does nothing
 * where the key is AWS's.
 */
export function grantTableKey(
  { encryptionKey }: ITable,
  functions: readonly (lambda.Function | undefined)[],
): void {
  for (const fn of functions) if (fn !== undefined) encryptionKey?.grantEncryptDecrypt(fn);
}
