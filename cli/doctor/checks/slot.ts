import { UserError } from '../../../core/errors';
import { slotStatus } from '../../../core/registration/operations';
import type { Examination, KnownPublisher } from '../examination';
import { type Check, type Finding, ok, problem, skipped, warning } from '../finding';
import { findingOf } from '../trouble';

/** Rakuten may be slow, and is asked again when it fails. */
const PATIENCE_MILLIS = 20_000;

/** The token and the slot: one is not to be had without the other. */
export const slot: Check = {
  area: 'Rakuten',
  name: 'Slot',
  permissions: ['lambda:GetFunctionConfiguration'],
  run: async (examination) => {
    const publishers = await examination.publishers();
    return (
      await Promise.all(
        publishers.map((publisher) => ofPublisher(examination, publisher, publishers.length > 1)),
      )
    ).flat();
  },
};

async function ofPublisher(
  examination: Examination,
  { sid, properties }: KnownPublisher,
  isOneOfMany: boolean,
): Promise<Finding[]> {
  const of = isOneOfMany ? ` of ${sid}` : '';
  const token = (finding: Finding): Finding => ({ ...finding, what: `Access token${of}` });
  const inSlot = (finding: Finding): Finding => ({ ...finding, what: `Slot${of}` });
  const ports = await examination.ports();
  const { endpointUrl } = (await examination.installation()).resources;
  try {
    const status = await slotStatus(ports, sid, {
      stackEndpointUrl: endpointUrl,
      patienceMillis: PATIENCE_MILLIS,
    });
    return [
      token(ok('Rakuten gives one and takes it')),
      inSlot(judgeSlot(status, properties !== undefined)),
    ];
  } catch (error) {
    const { operation, status } = error instanceof UserError ? error : {};
    // Only a call to Rakuten has an operation.
    if (operation === undefined)
      return [inSlot(skipped('not looked at, as a secret cannot be used (see above)'))];
    const hasToken = operation !== 'token' && status !== 401;
    if (hasToken) return [token(ok('Rakuten gives one')), inSlot(findingOf(error))];
    return [token(findingOf(error)), inSlot(skipped('not looked at, as there is no token'))];
  }
}

type Status = Awaited<ReturnType<typeof slotStatus>>;

export function judgeSlot({ slot: found, drift, enabled }: Status, isRegistered: boolean): Finding {
  if (!isRegistered)
    return warning(drift.join('; '), 'cdk-rakuten-postback register, when lines are wanted again');
  if (drift.length > 0) return problem(drift.join('; '), mendOf(drift));
  if (found === undefined) return problem('the slot is empty', mendOf([]));
  const shown = `ours, under the current secret and fields: ${found.host ?? 'not a URL'}, ${found.fields.length} fields`;
  return enabled
    ? ok(`${shown}; switched on`)
    : warning(
        `${shown}; switched off on purpose`,
        'cdk-rakuten-postback enable, when lines are wanted again',
      );
}

function mendOf(drift: readonly string[]): string {
  const text = drift.join();
  if (/switched off, though/.test(text))
    return 'cdk-rakuten-postback enable; then look why Rakuten switched it off: the endpoint failed or was slow';
  if (/somebody else|another installation/.test(text)) {
    return 'ask who has put it there; cdk-rakuten-postback register --replace takes the slot over and remembers their URL';
  }
  return 'cdk-rakuten-postback register, or deploy again';
}
