import { type Duration, Tokenization } from 'aws-cdk-lib';
import { ENVIRONMENT } from '../../core/names';

/** Settings of every function that writes rows: they must agree. */
export interface RowSettings {
  readonly dayShards: number;
  /** @default - as long as any row */
  readonly preliminaryExpiry?: Duration;
  /** @default - rows are kept forever */
  readonly rowExpiry?: Duration;
  /** Whether a `u1` that only the first push carried counts as verified. @default false */
  readonly memberFromPostback?: boolean;
}

export function rowEnvironment({
  dayShards,
  preliminaryExpiry,
  rowExpiry,
  memberFromPostback,
}: RowSettings): Record<string, string> {
  return {
    [ENVIRONMENT.dayShards]: Tokenization.stringifyNumber(dayShards),
    ...secondsOf(ENVIRONMENT.preliminaryExpiry, preliminaryExpiry),
    ...secondsOf(ENVIRONMENT.rowExpiry, rowExpiry),
    ...(memberFromPostback ? { [ENVIRONMENT.memberFromPostback]: 'true' } : {}),
  };
}

const secondsOf = (name: string, duration: Duration | undefined): Record<string, string> =>
  duration === undefined ? {} : { [name]: Tokenization.stringifyNumber(duration.toSeconds()) };
