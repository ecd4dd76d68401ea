import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';

/** Lets functions read and write a table that is encrypted under a key of the user's. Does nothing where the key is AWS's. */
export function grantTableKey({ encryptionKey }: ITable, functions: readonly (lambda.Function | undefined)[]): void {
  for (const fn of functions) if (fn !== undefined) encryptionKey?.grantEncryptDecrypt(fn);
}

/** Lets a function send to a queue that is encrypted under a key of the user's. Does nothing where the key is AWS's. */
export function grantQueueKey({ encryptionMasterKey }: IQueue, sender: lambda.Function | undefined): void {
  if (encryptionMasterKey === undefined) return;
  sender?.addToRolePolicy(
    new iam.PolicyStatement({ actions: ['kms:GenerateDataKey', 'kms:Decrypt'], resources: [encryptionMasterKey.keyArn] }),
  );
}
