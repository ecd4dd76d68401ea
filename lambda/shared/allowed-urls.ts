import { ENVIRONMENT } from '../../core/names';
import type { AllowedUrls } from '../../core/registration/allowed-urls';
import { environment, optionalEnvironment } from './environment';

/** The URLs of the deployment, from the function's environment. */
export const allowedUrls = (): AllowedUrls => ({
  rakutenApiUrl: environment(ENVIRONMENT.rakutenApiUrl),
  endpointUrl: optionalEnvironment(ENVIRONMENT.endpointUrl),
});
