import { ENVIRONMENT } from '../../core/names';
import type { ItemOptions } from '../../core/transactions/item';
import { optionalEnv, requireEnv } from './environment';

/** How rows are written, from the function's environment: the same for every writer. */
export function itemOptions(): ItemOptions {
  return {
    dayShards: Number(requireEnv(ENVIRONMENT.dayShards)),
    preliminaryExpirySeconds: optionalNumber(ENVIRONMENT.preliminaryExpiry),
    rowExpirySeconds: optionalNumber(ENVIRONMENT.rowExpiry),
    memberFromPostback: optionalEnv(ENVIRONMENT.memberFromPostback) === 'true',
  };
}

function optionalNumber(name: string): number | undefined {
  const text = optionalEnv(name);
  return text === undefined ? undefined : Number(text);
}
