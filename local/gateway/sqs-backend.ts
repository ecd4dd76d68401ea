import { SendMessageCommand, type SQSClient, type SQSServiceException } from '@aws-sdk/client-sqs';
import { sqsClient } from '../embedded/clients';
import type { SqsIntegration } from './rest-api';

/** What SQS answered to the integration's request. */
export interface BackendAnswer {
  readonly status: number;
  readonly body: string;
}

/** SQS gave no answer at all. */
export class NoAnswer extends Error {
  public constructor(
    readonly reason: 'failure' | 'timeout',
    cause: unknown,
  ) {
    super(`SQS gave no answer: ${reason}`, { cause });
  }
}

/**
 * Sends what the mapping template rendered to SQS. API Gateway posts it as a form (the query
 * protocol), which the embedded SQS would answer with 200 and lose; so the form is read here and
 * goes out through the SDK. One attempt, as API Gateway makes one.
 */
export class SqsBackend {
  private readonly client: SQSClient;

  public constructor(private readonly endpoint: string) {
    this.client = sqsClient(endpoint, { maxAttempts: 1, md5: false });
  }

  public async send(
    { account, queueName, contentType, timeoutMillis }: SqsIntegration,
    rendered: string,
  ): Promise<BackendAnswer> {
    if (!contentType.startsWith('application/x-www-form-urlencoded')) {
      return refusal(
        400,
        'InvalidAction',
        `the integration sends ${contentType}, which is not run locally; use the form encoding`,
      );
    }
    const form = new URLSearchParams(rendered);
    if (form.get('Action') !== 'SendMessage')
      return refusal(400, 'MissingAction', 'the request must contain Action=SendMessage');
    const abort = AbortSignal.timeout(timeoutMillis);
    try {
      const { MessageId, $metadata } = await this.client.send(
        new SendMessageCommand({
          QueueUrl: `${this.endpoint}/${account}/${queueName}`,
          MessageBody: form.get('MessageBody') ?? undefined,
        }),
        { abortSignal: abort },
      );
      return {
        status: $metadata.httpStatusCode ?? 200,
        body: JSON.stringify({ SendMessageResponse: { SendMessageResult: { MessageId } } }),
      };
    } catch (error) {
      const status = (error as SQSServiceException).$metadata?.httpStatusCode;
      if (status === undefined) throw new NoAnswer(abort.aborted ? 'timeout' : 'failure', error);
      return refusal(status, (error as Error).name, (error as Error).message);
    }
  }

  public close(): void {
    this.client.destroy();
  }
}

const refusal = (status: number, code: string, message: string): BackendAnswer => ({
  status,
  body: JSON.stringify({ Error: { Code: code, Message: message } }),
});
