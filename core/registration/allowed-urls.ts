import { UserError } from '../errors';
import { REGISTRATION_PROPERTIES as P } from '../names';
import { isLoopback } from '../rakuten/api/http';
import { summarizeUrl } from '../rakuten/postback/url';

/** The URLs that this deployment uses. Credentials and the URL secret are sent to no other. */
export interface AllowedUrls {
  /**
   * Base URL of Rakuten's API.
   * @default - any URL of this machine, for the local run
   */
  readonly rakutenApiUrl?: string;
  /**
   * URL of the endpoint.
   * @default - any
   */
  readonly endpointUrl?: string;
}

interface Urls {
  readonly rakutenApiUrl: string;
  readonly endpointUrl?: string;
}

/** A request, or the state table, names a URL that this deployment does not use. */
const urlNotAllowedError = (property: string, url: string): UserError =>
  new UserError({
    name: 'UrlNotAllowedError',
    problem:
      `${property} is at ${summarizeUrl(url).host ?? 'an unreadable host'}, which is not what ` +
      'this stack was deployed with, so nothing was sent there',
    nextStep:
      'if a deployment that changes the endpoint is running, wait until it ends; ' +
      'else deploy the stack again. If that does not help, ' +
      'find out who changed the state table or invoked the registration function',
  });

/** Throws for a URL that this deployment does not use. */
export function assertAllowed(allowed: AllowedUrls, { rakutenApiUrl, endpointUrl }: Urls): void {
  const isApi =
    allowed.rakutenApiUrl === undefined
      ? isLoopback(new URL(rakutenApiUrl).hostname)
      : isSame(rakutenApiUrl, allowed.rakutenApiUrl);
  if (!isApi) throw urlNotAllowedError(P.rakutenApiUrl, rakutenApiUrl);
  if (
    endpointUrl === undefined ||
    allowed.endpointUrl === undefined ||
    isSame(endpointUrl, allowed.endpointUrl)
  )
    return;
  throw urlNotAllowedError(P.endpointUrl, endpointUrl);
}

/**
 * The same slot with the deployed URLs: a removal must not fail because its properties are of an
 * earlier deployment.
 */
export const withAllowedUrls = <Slot extends Urls>(allowed: AllowedUrls, slot: Slot): Slot => ({
  ...slot,
  rakutenApiUrl: allowed.rakutenApiUrl ?? slot.rakutenApiUrl,
  endpointUrl: allowed.endpointUrl ?? slot.endpointUrl,
});

const isSame = (a: string, b: string): boolean => withoutSlash(a) === withoutSlash(b);
const withoutSlash = (url: string): string => url.replace(/\/+$/, '');
