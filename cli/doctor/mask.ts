import type { Redactor } from '../../core/rakuten/api/redact';
import { cellText } from '../../core/terminal-text';
import type { Finding } from './finding';

/** Of an account id the last digits tell its owner which one it is, and nobody else anything. */
const shortened = (accountId: string): string => `********${accountId.slice(-4)}`;

const ACCOUNT_IN_ARN = /(\barn:[\w-]+:[\w-]*:[\w-]*:)(\d{12})(?!\w)/g;
const ACCOUNT_IN_PATH = /(:\/\/[^/\s]+\/)(\d{12})(?=\/)/g;

/** The name of a session is often a person's. */
const SESSION = /(\bassumed-role\/[^/\s]+)\/[\w+=,.@-]+/g;

/**
 * Takes out of a finding what a stranger must not read: secrets, tokens, values of query strings,
 * account ids.
 */
export function masked(
  finding: Finding,
  redactor: Redactor,
  accountId: string | undefined,
): Finding {
  const mask = (text: string): string => {
    const clean = redactor
      .clean(cellText(text))
      .replace(ACCOUNT_IN_ARN, (_, before: string, id: string) => before + shortened(id))
      .replace(SESSION, '$1/***')
      .replace(ACCOUNT_IN_PATH, (_, before: string, id: string) => before + shortened(id));
    return accountId === undefined ? clean : clean.replaceAll(accountId, shortened(accountId));
  };
  const { what, found, mend } = finding;
  return { ...finding, what: what && mask(what), found: mask(found), mend: mend && mask(mend) };
}
