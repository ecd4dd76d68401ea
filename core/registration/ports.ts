import type { HttpSend } from '../rakuten/api/http';
import type { Clock } from '../rakuten/api/request-with-retry';
import type { LeaseStore } from '../state/lease';
import type { PublisherState } from '../state/publisher-state';
import type { AllowedUrls } from './allowed-urls';

/** What one GET to our own endpoint brought. */
export interface ProbeResult {
  /** Absent when there was no answer. */
  readonly status?: number;
  /** From opening the connection to the end of the answer. */
  readonly millis: number;
  /** Why there was no answer, without the URL. */
  readonly error?: string;
}

/** One GET on a new connection. Never throws. */
export type Probe = (url: string, timeoutMillis: number) => Promise<ProbeResult>;

/** How a CloudFormation request ended. */
export type RequestOutcome =
  | {
      readonly succeeded: true;
      readonly physicalResourceId: string;
      readonly data: Readonly<Record<string, string>>;
    }
  | { readonly succeeded: false; readonly message: string };

/** What is read of the state without a lease. Reads are consistent. */
export interface StateReader {
  readState(sid: string): Promise<PublisherState | undefined>;
  /** Whether the consumer has seen the probe. */
  probeSeen(probe: string): Promise<boolean>;
}

interface OutcomeStore {
  readOutcome(requestId: string): Promise<RequestOutcome | undefined>;
  writeOutcome(requestId: string, outcome: RequestOutcome, now: number): Promise<void>;
}

/** What outlives a run, with one lease for each SID. */
export interface RegistrationStore extends StateReader, OutcomeStore, LeaseStore {
  /**
   * Writes the state as the holder of its lease. False, with nothing written, when the holder has
   * lost it.
   */
  writeState(state: PublisherState, holder: string): Promise<boolean>;
}

/** What outlives a run, for the holder of a SID's lease. */
export interface LeasedStore extends StateReader, OutcomeStore {
  /**
   * Throws a `SlotBusyError` when another run has taken over, or when the state is of another SID.
   */
  writeState(state: PublisherState): Promise<void>;
}

export interface RegistrationPorts {
  readonly store: RegistrationStore;
  /**
   * Text of a secret by its ARN or name, of a version or the current one. Throws an error that
   * explains, without the value.
   */
  readonly readSecret: (id: string, versionId?: string) => Promise<string>;
  /** Stores a text as a version of a secret that has only this staging label. Returns its id. */
  readonly saveSecretVersion: (id: string, text: string, label: string) => Promise<string>;
  readonly urls: AllowedUrls;
  readonly send: HttpSend;
  readonly probe: Probe;
  readonly clock: Clock;
  /** An unguessable name, for runs and probes. */
  readonly randomId: () => string;
  /** Fields are numbers and words only: no URL, no secret. */
  readonly log: (
    message: string,
    fields?: Readonly<Record<string, string | number | boolean | undefined>>,
  ) => void;
}

/** Ports that are enough to look at a slot. */
export type ReadingPorts = Omit<RegistrationPorts, 'store'> & { readonly store: StateReader };

/** Ports of the run that has the lease. */
export type LeasedPorts = Omit<RegistrationPorts, 'store'> & {
  readonly store: LeasedStore;
  /** Throws a `SlotBusyError` when another run has taken over. */
  readonly renewLease: () => Promise<void>;
};
