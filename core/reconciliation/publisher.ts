import { UserError } from '../errors';
import { REGISTRATION_PROPERTIES as P } from '../names';
import { RakutenClient } from '../rakuten/api/client';
import { parseCredentials } from '../rakuten/api/credentials';
import type { HttpSend } from '../rakuten/api/http';
import { Redactor } from '../rakuten/api/redact';
import type { Clock } from '../rakuten/api/request-with-retry';
import { limitedSend } from '../rakuten/api/request-with-retry';
import { KEY_FIELDS } from '../rakuten/postback/fields';
import type { AcceptedUrl, PublisherState } from '../state/publisher-state';

/**
 * Of the 100 calls a minute that Rakuten allows; the others are for whoever else uses the account.
 */
const CALLS_PER_MINUTE = 90;

/** A publisher cannot be reconciled as it is set up. The message says why, and how to mend it. */
export class NotReconcilableError extends UserError {
  constructor(sid: string, problem: string, nextStep: string) {
    super({
      name: 'NotReconcilableError',
      problem: `SID ${sid} cannot be compared with the Events API: ${problem}`,
      nextStep,
    });
  }
}

/** What a reconciliation must know about a publisher: where the registration left it. */
export interface ReconcilablePublisher {
  readonly sid: string;
  /** ARN or name. */
  readonly credentialsSecret: string;
  /**
   * Milliseconds since 1970: earlier lines came under a URL that did not ask for the key of a row.
   * 0: none did.
   */
  readonly comparableSince: number;
}

/** Throws a NotReconcilableError. */
export function reconcilablePublisher(
  sid: string,
  state: PublisherState | undefined,
): ReconcilablePublisher {
  const { [P.credentialsSecretArn]: credentialsSecret } = state?.properties ?? {};
  if (state === undefined || credentialsSecret === undefined) {
    throw new NotReconcilableError(
      sid,
      'it is not registered (yet)',
      'deploy the stack; the next run after that finds it',
    );
  }
  const lacking = state.accepted.filter((url) => missingKeyFields(url).length > 0);
  const current = lacking.find(({ acceptedUntil }) => acceptedUntil === undefined);
  if (current !== undefined) {
    throw new NotReconcilableError(
      sid,
      `its postback URL does not ask for ${missingKeyFields(current).join(', ')}, ` +
        'so a row cannot be recognized as the line that Rakuten has',
      'leave PostbackFields.exactly() out, or name these fields in it',
    );
  }
  const comparableSince = Math.max(
    0,
    ...lacking.map(({ acceptedUntil = '' }) => Date.parse(acceptedUntil)),
  );
  return { sid, credentialsSecret, comparableSince };
}

const missingKeyFields = ({ fields }: AcceptedUrl): string[] =>
  KEY_FIELDS.filter(
    (field) => !fields.some((parameter) => 'field' in parameter && parameter.field === field),
  );

export interface RakutenAccess {
  /** Base URL of Rakuten's API: never what the state table says. */
  readonly rakutenApiUrl: string;
  readonly send: HttpSend;
  readonly clock: Clock;
  readonly readSecret: (id: string) => Promise<string>;
  /** Told of each try; nothing of it is secret. */
  readonly onTry?: (tried: {
    readonly operation: string;
    readonly status?: number;
    readonly failure?: string;
    readonly millis: number;
  }) => void;
}

/**
 * A client for the publisher's account that keeps to Rakuten's calls a minute. Throws when the
 * credentials cannot be used.
 */
export async function openClient(
  publisher: ReconcilablePublisher,
  access: RakutenAccess,
): Promise<RakutenClient> {
  const { sid, credentialsSecret } = publisher;
  const credentials = parseCredentials(
    await access.readSecret(credentialsSecret),
    credentialsSecret,
  );
  const context = {
    baseUrl: access.rakutenApiUrl.replace(/\/+$/, ''),
    sid,
    send: limitedSend(access.send, access.clock, CALLS_PER_MINUTE),
    clock: access.clock,
    redactor: new Redactor(),
    onTry: access.onTry,
  };
  return new RakutenClient(context, credentials);
}
