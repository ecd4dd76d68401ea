import { URL_PARAMETERS } from '../names';
import type { Slot } from '../rakuten/api/client';
import { isSameEndpoint } from '../rakuten/postback/url';
import { sha256 } from '../sha256';

/** How a URL of ours is known: by the hash of its secret and the id of its field list. */
export interface UrlMark {
  readonly secretSha256: string;
  readonly fieldListId: string;
}

/** The mark of a URL that an installation of this construct registered, this one or another. */
export const markOf = (url: string): UrlMark | undefined => ownSecret(url)?.mark;

/** The secret in such a URL, with its mark. */
export function ownSecret(
  url: string,
): { readonly secret: string; readonly mark: UrlMark } | undefined {
  const query = new URLSearchParams(normalised(url).split('?', 2)[1] ?? '');
  const secret = query.get(URL_PARAMETERS.secret);
  const fieldListId = query.get(URL_PARAMETERS.fieldList);
  if (secret === null || fieldListId === null || !/^[0-9a-f]{8}$/.test(fieldListId))
    return undefined;
  return { secret, mark: { secretSha256: sha256(secret), fieldListId } };
}

/**
 * Whether Rakuten shows the URL that it was given. It may escape the brackets of the fields or the
 * ampersands between them.
 */
export const isSameUrl = (a: string, b: string): boolean => normalised(a) === normalised(b);

const normalised = (url: string): string =>
  url
    .trim()
    .replace(/&amp;/gi, '&')
    .replace(/&lt;|%3C/gi, '<')
    .replace(/&gt;|%3E/gi, '>');

export const isSameSlot = (a: Slot | undefined, b: Slot | undefined): boolean =>
  a === undefined || b === undefined ? a === b : isSameUrl(a.url, b.url) && a.active === b.active;

/**
 * - `ours`: with a secret we know, or at our endpoint without any secret
 * - `endpoint`: at our endpoint with a secret we do not know: what is sent there is lost as forged
 * - `installation`: of another installation of this construct
 * - `foreign`: of somebody else, for example of a tracker
 */
export type SlotOwner = 'empty' | 'ours' | 'endpoint' | 'installation' | 'foreign';

/** What this installation knows to be its own. */
export interface Belongings {
  readonly endpoints: readonly string[];
  readonly secretHashes: readonly string[];
}

export function ownerOf(
  slot: Slot | undefined,
  { endpoints, secretHashes }: Belongings,
): SlotOwner {
  if (slot === undefined) return 'empty';
  const mark = markOf(slot.url);
  if (mark !== undefined && secretHashes.includes(mark.secretSha256)) return 'ours';
  const here = endpoints.some((endpoint) => isSameEndpoint(slot.url, endpoint));
  if (here) return mark === undefined ? 'ours' : 'endpoint';
  return mark === undefined ? 'foreign' : 'installation';
}
