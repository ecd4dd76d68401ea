import { ENVIRONMENT } from '../../core/names';
import type { AllowedUrls } from '../../core/registration/allowed-urls';
import { optionalEnv, requireEnv } from './environment';

/** The URLs of the deployment, from the function's environment. */
export const allowedUrls = (): AllowedUrls => ({
  rakutenApiUrl: requireEnv(ENVIRONMENT.rakutenApiUrl),
  endpointUrl: optionalEnv(ENVIRONMENT.endpointUrl),
});
