import {
  isProbeId,
  ownParameter,
  type PostbackMessage,
  probeOf,
} from '../../core/rakuten/postback/message';
import type { Publishers } from '../../core/state/publishers';
import {
  type KeyedPush,
  type RecognisedPublisher,
  readPushedLine,
} from '../../core/transactions/pushed-line';

/** What to do with a message. */
export type Decision =
  | ({ readonly kind: 'line' } & KeyedPush)
  | { readonly kind: 'probe'; readonly probe: string }
  | { readonly kind: 'rejected'; readonly reason: RejectionReason; readonly problem: string };

export type RejectionReason = 'forged' | 'not-a-postback';

/** The publishers as last read, and as they are now. */
export interface PublisherSource {
  known(): Publishers;
  read(): Promise<Publishers>;
}

/**
 * Decides what a message is. Throws when that is not known; the message then stays in the queue.
 */
export async function decide(message: PostbackMessage, source: PublisherSource): Promise<Decision> {
  const secret = ownParameter(message.parameters, 'secret');
  if (secret === undefined) {
    return message.parameters.length === 0
      ? rejected('not-a-postback', 'a GET without parameters')
      : rejected('forged', 'no secret in the query string');
  }
  const publisher = await recognise(secret, message, source);
  if (!publisher) return rejected('forged', 'the secret in the query string is not accepted');

  const probe = probeOf(message);
  if (probe !== undefined) {
    return isProbeId(probe)
      ? { kind: 'probe', probe }
      : rejected('forged', 'a probe without an ID of ours');
  }

  const line = readPushedLine(message, publisher);
  return line === undefined
    ? rejected('not-a-postback', 'no field of Rakuten has a value')
    : { kind: 'line', ...line };
}

async function recognise(
  secret: string,
  message: PostbackMessage,
  source: PublisherSource,
): Promise<RecognisedPublisher | undefined> {
  const fieldListId = ownParameter(message.parameters, 'fieldList');
  // The time of arrival decides, however long the message waited in the queue.
  const arrived = new Date(message.receivedAt);
  const known = source.known().recognise(secret, fieldListId, arrived);
  if (known !== undefined && known.fieldListId === fieldListId) return known;
  const publishers = await source.read();
  if (publishers.isEmpty) {
    throw new Error(
      'no publisher is registered in the state table, so the owner of this postback is unknown; deploy the stack again to register one',
    );
  }
  return publishers.recognise(secret, fieldListId, arrived);
}

const rejected = (reason: RejectionReason, problem: string): Decision => ({
  kind: 'rejected',
  reason,
  problem,
});
