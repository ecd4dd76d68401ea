import type { HttpSend } from '../rakuten/http';
import type { Clock } from '../rakuten/retry';
import type { PublisherState } from '../store/publisher-state';

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
  | { readonly succeeded: true; readonly physicalResourceId: string; readonly data: Readonly<Record<string, string>> }
  | { readonly succeeded: false; readonly message: string };

/** What outlives a run. Reads are consistent. */
export interface RegistrationStore {
  readState(sid: string): Promise<PublisherState | undefined>;
  writeState(state: PublisherState): Promise<void>;
  /** Whether the consumer has seen the probe. */
  probeSeen(probe: string): Promise<boolean>;
  readOutcome(requestId: string): Promise<RequestOutcome | undefined>;
  writeOutcome(requestId: string, outcome: RequestOutcome, now: number): Promise<void>;
  /** Takes or prolongs the right to change the slot. False while somebody else holds it. */
  takeLease(sid: string, holder: string, now: number, until: number): Promise<boolean>;
  /** Gives it back, if it is still held. */
  releaseLease(sid: string, holder: string): Promise<void>;
}

export interface RegistrationPorts {
  readonly store: RegistrationStore;
  /** Text of a secret by its ARN or name. Throws an error that explains, without the value. */
  readonly readSecret: (id: string) => Promise<string>;
  readonly send: HttpSend;
  readonly probe: Probe;
  readonly clock: Clock;
  /** An unguessable name, for runs and probes. */
  readonly randomId: () => string;
  /** Fields are numbers and words only: no URL, no secret. */
  readonly log: (message: string, fields?: Readonly<Record<string, string | number | boolean | undefined>>) => void;
}
