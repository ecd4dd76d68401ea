import { ENVIRONMENT } from '../../core/names';

/** The URLs to which the functions send credentials and the URL secret. */
export interface FunctionUrls {
  readonly rakutenApiUrl: string;
  /** @default - the functions accept any endpoint */
  readonly endpointUrl?: string;
}

/** The environment variables of a function that talks to Rakuten and to the endpoint. */
export const urlVariables = ({
  rakutenApiUrl,
  endpointUrl,
}: FunctionUrls): Record<string, string> => ({
  [ENVIRONMENT.rakutenApiUrl]: rakutenApiUrl,
  ...(endpointUrl === undefined ? {} : { [ENVIRONMENT.endpointUrl]: endpointUrl }),
});
