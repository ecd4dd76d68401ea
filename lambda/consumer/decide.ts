import { SOURCES } from '../../core/names';
import { normalisedQuery, ownParameter, type PostbackMessage, parseMessage } from '../../core/rakuten/message';
import { type Parameters, parsePostback } from '../../core/rakuten/parse';
import { eventsApiLine } from '../../core/reconciliation/line';
import type { DeliveredLine } from '../../core/store/merge';
import type { Publishers, RecognisedPublisher } from '../../core/store/publishers';

/** What is to be done with a message. */
export type Decision =
  | { readonly kind: 'line'; readonly line: DeliveredLine }
  | { readonly kind: 'probe'; readonly probe: string; readonly requestId: string }
  | {
      readonly kind: 'rejected';
      readonly as: 'forged' | 'not-a-postback';
      readonly reason: string;
      readonly requestId: string;
      readonly sourceIp: string;
      readonly parameters: Parameters;
    };

/** The publishers as last read, and as they are now. */
export interface PublisherSource {
  known(): Publishers;
  read(): Promise<Publishers>;
}

/** Decides what a message is. Throws when that cannot be said; the message then stays in the queue. */
export async function decide(body: string, source: PublisherSource): Promise<Decision> {
  const message = parseMessage(body);
  // Written by the reconciliation: what a GET carries cannot look like this, so no secret is asked for.
  if (message.eventsApiSid !== undefined) return { kind: 'line', line: eventsApiLine({ ...message, sid: message.eventsApiSid }) };
  const secret = ownParameter(message.parameters, 'secret');
  if (secret === undefined) {
    return message.parameters.length === 0
      ? rejected('not-a-postback', 'a GET without parameters', message)
      : rejected('forged', 'no secret in the query string', message);
  }
  const publisher = await recognise(secret, message, source);
  if (!publisher) return rejected('forged', 'the secret in the query string is not one that is accepted', message);

  const probe = ownParameter(message.parameters, 'probe');
  if (probe !== undefined && probe !== '') return { kind: 'probe', probe, requestId: message.requestId };

  const parsed = parsePostback(message.parameters, publisher.fields);
  if (Object.keys(parsed.fields).length === 0 && parsed.problems.length === 0) {
    return rejected('not-a-postback', 'no field of Rakuten has a value', message);
  }
  return {
    kind: 'line',
    line: {
      // A URL that does not ask for the SID still tells whose postback it is: by its secret.
      fields: { ...parsed.fields, sid: parsed.fields.sid ?? publisher.sid },
      extra: parsed.extra,
      problems: parsed.problems,
      query: normalisedQuery(message.parameters),
      requestId: message.requestId,
      receivedAt: message.receivedAt,
      source: SOURCES.push,
    },
  };
}

async function recognise(secret: string, message: PostbackMessage, source: PublisherSource): Promise<RecognisedPublisher | undefined> {
  const fieldListId = ownParameter(message.parameters, 'fieldList');
  // A message that waited in the queue is judged by the time it came.
  const arrived = new Date(message.receivedAt);
  const known = source.known().recognise(secret, fieldListId, arrived);
  if (known !== undefined && known.fieldListId === fieldListId) return known;
  const publishers = await source.read();
  if (publishers.isEmpty) {
    throw new Error(
      'no publisher is registered in the state table, so it cannot be said whose postback this is; deploy the stack again to register one',
    );
  }
  return publishers.recognise(secret, fieldListId, arrived);
}

const rejected = (as: 'forged' | 'not-a-postback', reason: string, { requestId, sourceIp, parameters }: PostbackMessage): Decision => ({
  kind: 'rejected',
  as,
  reason,
  requestId,
  sourceIp,
  parameters,
});
