import { ConditionalCheckFailedException, type DynamoDBClient } from '@aws-sdk/client-dynamodb';

/** A call to the state table that failed for good. The message says what to do. */
export class StateTableError extends Error {
  constructor(tableName: string, cause: Error) {
    super(
      `The state table ${tableName} cannot be used: ${cause.name}: ${cause.message || 'no answer'}. Next step: ${nextStep(cause)}, and try again.`,
      { cause },
    );
    this.name = 'StateTableError';
  }
}

function nextStep({ name }: Error): string {
  switch (name) {
    case 'AccessDeniedException':
      return "grant the registration function's role what it was refused, including its rights on the table's key if that is a key of your own";
    case 'ResourceNotFoundException':
      return 'bring the table back (from its backups), as a deployment does not make it again';
    case 'ThrottlingException':
    case 'ProvisionedThroughputExceededException':
      return "wait for a few minutes; if it stays, raise the table's capacity";
    default:
      return 'see whether DynamoDB works in this region (the AWS Health Dashboard tells) and can be reached from the function';
  }
}

/** The client with its errors explained. That a condition did not hold is an answer rather than an error. */
export function stateTableClient(client: DynamoDBClient, tableName: string): Pick<DynamoDBClient, 'send'> {
  const send = async (...parameters: Parameters<DynamoDBClient['send']>): Promise<unknown> => {
    try {
      return await client.send(...parameters);
    } catch (error) {
      throw error instanceof ConditionalCheckFailedException ? error : new StateTableError(tableName, error as Error);
    }
  };
  return { send: send as DynamoDBClient['send'] };
}
