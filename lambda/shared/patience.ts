/**
 * Settings of AWS clients whose calls are few and matter: a stuck call is cut off and tried again.
 */
export const PATIENT = {
  maxAttempts: 4,
  requestHandler: { connectionTimeout: 2000, requestTimeout: 6000, throwOnRequestTimeout: true },
};
