import { ENVIRONMENT } from '../../core/names';
import type { ItemOptions } from '../../core/store/item';
import { environment, optionalEnvironment } from './environment';

/** How rows are written, from the function's environment: the same for every writer. */
export function itemOptions(): ItemOptions {
  const expiry = optionalEnvironment(ENVIRONMENT.preliminaryExpiry);
  return {
    dayShards: Number(environment(ENVIRONMENT.dayShards)),
    expirySeconds: expiry === undefined ? undefined : Number(expiry),
    memberFromPostback: optionalEnvironment(ENVIRONMENT.memberFromPostback) === 'true',
  };
}
