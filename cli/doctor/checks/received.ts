import { lastReceived } from '../../last-received';
import { timeText } from '../../show';
import { type Check, type Finding, ok, warning } from '../finding';
import { spanText } from '../span';

const DAYS = 14;
const QUIET_MILLIS = 3 * 24 * 60 * 60_000;

export const received: Check = {
  area: 'Tables',
  name: 'Last line',
  permissions: ['dynamodb:Query on the transaction table and its indexes'],
  run: async (examination) => {
    const { context } = examination;
    const publishers = await examination.publishers();
    const transactions = await context.transactions();
    const now = context.terminal.now();
    const findings: Finding[] = [];
    for (const { sid } of publishers) {
      const at = await lastReceived(transactions, sid, now, DAYS);
      findings.push({
        ...judge(at, now),
        what: publishers.length > 1 ? `Last line of ${sid}` : undefined,
      });
    }
    return findings;
  },
};

function judge(at: string | undefined, now: Date): Finding {
  const mend =
    'if sales are expected: cdk-rakuten-postback reconcile --from DAY --dry-run shows what Rakuten has';
  if (at === undefined) return warning(`none in ${DAYS} days`, mend);
  const ago = Math.max(0, now.getTime() - Date.parse(at));
  const found = `received ${spanText(ago)} ago, ${timeText(at)} UTC`;
  return ago > QUIET_MILLIS ? warning(found, mend) : ok(found);
}
