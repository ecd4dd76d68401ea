import type { AlarmKind } from './alarm-kind';

/**
 * Where the runbook stands for whoever reads an alarm's mail; it is also in the package, under
 * docs/runbook.
 */
export const RUNBOOK_URL =
  'https://github.com/cdk-rakuten-postback/cdk-rakuten-postback/blob/main/docs/runbook';

/** The name of an alarm's page without its ending: `oldest-message` for OLDEST_MESSAGE. */
export const runbookPage = (kind: AlarmKind): string => kind.toLowerCase().replaceAll('_', '-');

export const runbookLink = (kind: AlarmKind, base = RUNBOOK_URL): string =>
  `${base.replace(/\/+$/, '')}/${runbookPage(kind)}.md`;
