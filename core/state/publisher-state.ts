import type { FieldList } from '../rakuten/postback/fields';
import type { UrlSummary } from '../rakuten/postback/url';

/**
 * What the functions of one installation must share about a publisher and cannot be known when the
 * template is written: which secrets and field lists a postback may carry at this moment. The
 * registration writes it *before* it registers a URL, so that a postback can never arrive under a
 * secret that the consumer does not know.
 *
 * One item per publisher in the state table: partition key `kind` = `publisher`, sort key `id` =
 * the SID.
 */
export interface PublisherState {
  readonly sid: string;
  /** Newest first. The consumer accepts each that has no `acceptedUntil` or one in the future. */
  readonly accepted: readonly AcceptedUrl[];
  /** The slot of someone else before ours was registered, for removal to restore. */
  readonly previousSlot?: PreviousSlot;
  /**
   * The same in clear text, as an earlier version stored it. A deployment moves it to
   * `previousSlot`.
   */
  readonly previousUrl?: string;
  /** Whether `previousUrl` was active. */
  readonly previousActive?: boolean;
  /**
   * The custom resources that want this publisher registered, as `<stack id>/<logical id>`.
   * Renaming a construct creates the new one before the old one is deleted: the slot is given up
   * only by the last of them.
   */
  readonly owners?: readonly string[];
  /**
   * The custom resource that gave the publisher up and whose removal has not ended well yet, with
   * its properties.
   */
  readonly leaving?: {
    readonly owner: string;
    readonly properties: Readonly<Record<string, string>>;
  };
  /**
   * Properties of the last registration that succeeded, for the command line and the status watch.
   * ARNs and names, no secret.
   */
  readonly properties?: Readonly<Record<string, string>>;
  /**
   * The request of CloudFormation that registered it last: it may come again. Absent where it was
   * done by hand.
   */
  readonly registeredBy?: string;
  /**
   * `properties` of a publisher that was unregistered by hand, to register it again; `properties`
   * is then absent.
   */
  readonly setAside?: Readonly<Record<string, string>>;
  /** What the last self-test measured. */
  readonly selfTest?: {
    readonly p50Millis: number;
    readonly maxMillis: number;
    readonly at: string;
  };
  /**
   * Set right before the slot is written, gone when that has ended well: a run that was cut off
   * left it in an unknown state.
   */
  readonly unsettled?: boolean;
  /**
   * The last update that failed: CloudFormation sends it again with old and new properties swapped.
   */
  readonly failedUpdate?: {
    readonly from: string;
    readonly to: string;
    readonly slotUntouched: boolean;
  };
  /**
   * A rotation of the URL secret that began and has not ended: which value it brings, and since
   * when.
   */
  readonly rotation?: { readonly secretSha256: string; readonly startedAt: string };
  /** When the URL secret was last rotated, ISO 8601 UTC. */
  readonly rotatedAt?: string;
}

/**
 * A slot to restore. Its URL can have secrets, so it is a version of the publisher's URL secret.
 */
export interface PreviousSlot extends UrlSummary, Partial<SecretVersionPlace> {
  readonly versionId: string;
  /** The staging label that keeps Secrets Manager from deleting the version. */
  readonly label: string;
  readonly active: boolean;
  /**
   * Where it was before the publisher got another URL secret. A rollback deletes the new secret,
   * not this one.
   */
  readonly copiedFrom?: SecretVersionPlace;
}

/** A version of a secret. */
export interface SecretVersionPlace {
  /** ARN. A state of an earlier version has none: the publisher's URL secret. */
  readonly secret: string;
  readonly versionId: string;
}

/** A version of the URL secret. */
export interface SecretVersion {
  readonly id: string;
  readonly text: string;
}

/** The versions of a secret: the one in use, and one that is about to be. */
export interface SecretVersions {
  current(secret: string): Promise<SecretVersion>;
  pending(secret: string): Promise<SecretVersion | undefined>;
  /** Stores a value as the pending version; the current one stays what it is. */
  addPending(secret: string, text: string): Promise<SecretVersion>;
  /** Makes the pending version the current one; the one that was becomes the previous. */
  promote(secret: string, pending: SecretVersion, current: SecretVersion): Promise<void>;
}

/** A secret and field list under which postbacks are, or a short while ago were, registered. */
export interface AcceptedUrl {
  /** SHA-256 of the secret, hex. The secret itself stays in Secrets Manager. */
  readonly secretSha256: string;
  readonly fieldListId: string;
  readonly fields: FieldList;
  /** ISO 8601 UTC. Absent for the registered URL; set when another took its place. */
  readonly acceptedUntil?: string;
}

export const STATE_KEYS = { partition: 'kind', sort: 'id' } as const;
export const PUBLISHER_KIND = 'publisher';
/** Items that say a probe has come through the queue: sort key is the probe's value. */
export const PROBE_KIND = 'probe';
/**
 * Items that remember how a CloudFormation request ended, so that its repetition has no second
 * effect: sort key is the request id.
 */
export const REQUEST_KIND = 'request';
/**
 * Items that say why a message failed: sort key is the message id, which SQS keeps when it moves a
 * message to the dead-letter queue.
 */
export const FAILURE_KIND = 'failure';
/** Items with which reconciliations tell each other how far they came: sort key is the SID. */
export const RECONCILIATION_KIND = 'reconciliation';
/**
 * Items of verified lines that a complete read of the Events API lacked: sort key begins with the
 * SID.
 */
export const MISSING_KIND = 'missing';
/** Items of members to forget: sort key is a salted hash. */
export const FORGOTTEN_KIND = 'forgotten';
/** Items of the status watch: what it last saw at Rakuten: sort key is the SID. */
export const WATCH_KIND = 'watch';
/** Why it failed, in words. */
export const FAILURE_REASON = 'reason';
/** How long that is kept: as long as a message can wait in the dead-letter queue. */
export const FAILURE_KEPT_SECONDS = 14 * 24 * 60 * 60;
/** When a probe was seen, ISO 8601 UTC. */
export const PROBE_SEEN_AT = 'seen_at';
/** When DynamoDB may drop an item, in seconds since 1970. */
export const STATE_TTL = 'expires_at';

/** Name of the one attribute that holds the state as JSON; the other attributes are the keys. */
export const STATE_DOCUMENT = 'document';

/**
 * How long a replaced secret and field list are still accepted: a postback in flight is never sent
 * again, and an hour is far beyond any push.
 */
export const ACCEPT_PREVIOUS_FOR_MILLIS = 60 * 60 * 1000;
