import { TRANSACTION_EVENTS, WATCH_EVENTS } from '../../core/names';

/**
 * An event that EventBridge can receive. Its topic is the `detail-type`, or `END_OF_DEPLOYMENT`.
 */
export interface KnownEvent {
  readonly topic: string;
  readonly event: object;
}

/** Topic of the events that CloudFormation sends when a deployment of `STACK_ID` has succeeded. */
export const END_OF_DEPLOYMENT = 'the end of a deployment';

export const STACK_ID =
  'arn:aws:cloudformation:us-east-1:111122223333:stack/RakutenPostback/5e4c7e20-0a3f-11f0-9d2a-0affd1fd0001';

const STACK_STATUS_CHANGE = 'CloudFormation Stack Status Change';
const STACK_IDS = [
  STACK_ID,
  STACK_ID.replace(/0001$/, '0002'),
  STACK_ID.replace('/RakutenPostback/', '/RakutenPostback2/'),
];
const SUCCESS = ['CREATE_COMPLETE', 'UPDATE_COMPLETE'];

/** Stack statuses of CloudFormation's documentation. */
const STATUSES = [
  ...[
    'CREATE',
    'DELETE',
    'UPDATE',
    'ROLLBACK',
    'IMPORT',
    'UPDATE_ROLLBACK',
    'IMPORT_ROLLBACK',
  ].flatMap((operation) =>
    ['IN_PROGRESS', 'COMPLETE', 'FAILED'].map((status) => `${operation}_${status}`),
  ),
  'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS',
  'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS',
  'REVIEW_IN_PROGRESS',
];

/**
 * Events of CloudFormation about three stacks and their resources, and every kind of event of ours.
 */
export const knownEvents = (): KnownEvent[] => [
  ...[STACK_STATUS_CHANGE, 'CloudFormation Resource Status Change'].flatMap((detailType) =>
    STACK_IDS.flatMap((stackId) =>
      STATUSES.map((status) => deploymentEvent(detailType, stackId, status)),
    ),
  ),
  ...[WATCH_EVENTS, { source: 'another-app', detailTypes: WATCH_EVENTS.detailTypes }].flatMap(
    ({ source, detailTypes }) =>
      [...Object.values(detailTypes), TRANSACTION_EVENTS.detailType].map((detailType) => ({
        topic: source === WATCH_EVENTS.source ? detailType : 'another app',
        event: {
          ...ENVELOPE,
          'detail-type': detailType,
          source,
          resources: [],
          detail: { sid: '3900112' },
        },
      })),
  ),
];

const ENVELOPE = {
  version: '0',
  id: '6a7e8feb-b491-4cf7-a9f1-bf3703467718',
  account: '111122223333',
  time: '2026-04-18T09:31:14Z',
  region: 'us-east-1',
};

/** In the format of "Stack Status Change event detail" in CloudFormation's user guide. */
function deploymentEvent(detailType: string, stackId: string, status: string): KnownEvent {
  const isEnd =
    detailType === STACK_STATUS_CHANGE && stackId === STACK_ID && SUCCESS.includes(status);
  const detail = {
    'stack-id': stackId,
    'status-details': { status, 'status-reason': '' },
    'client-request-token': '',
  };
  return {
    topic: isEnd ? END_OF_DEPLOYMENT : detailType,
    event: {
      ...ENVELOPE,
      'detail-type': detailType,
      source: 'aws.cloudformation',
      resources: [stackId],
      detail,
    },
  };
}
