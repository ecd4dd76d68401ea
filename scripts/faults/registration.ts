import { DynamoRegistrationStore } from '../../core/store/registration-store';
import { endLease, propertiesOf, startEndpoint } from './publisher';
import { type Case, messageOf, type Scenario } from './scenario';
import { forgetAll, type Services, STATE_TABLE, URL_SECRET } from './world';

/** As deployed. */
const TIMEOUT_SECONDS = 600;

export const creating: Scenario = {
  handler: 'registration',
  title: 'Create: the first deployment',
  next: 'CloudFormation rolls back with a Delete, and somebody deploys again',
  begin: (services, serial) => begin(services, serial, 'Create'),
};

export const deleting: Scenario = {
  handler: 'registration',
  title: 'Delete: the stack is removed',
  next: 'CloudFormation says that the deletion failed, and somebody deletes the stack again',
  begin: (services, serial) => begin(services, serial, 'Delete'),
};

async function begin(services: Services, serial: number, type: 'Create' | 'Delete'): Promise<Case> {
  const { client, rakuten, rakutenUrl, fresh } = services;
  await forgetAll(client);
  const sid = String(4_000_000 + serial);
  const endpoint = await startEndpoint(services);
  const registration = fresh('registration', TIMEOUT_SECONDS);
  let requests = 0;
  const send = async (RequestType: 'Create' | 'Delete'): Promise<string> => {
    requests += 1;
    const answer = (await registration.invoke({
      RequestType,
      RequestId: `request-${serial}-${requests}`,
      StackId: 'arn:aws:cloudformation:us-east-1:111122223333:stack/test/1',
      LogicalResourceId: 'Registration',
      ResourceType: 'Custom::RakutenPostbackRegistration',
      ResponseURL: 'https://cloudformation-answer-url.example/',
      ...(RequestType === 'Create' ? {} : { PhysicalResourceId: `rakuten-postback-${sid}` }),
      ResourceProperties: {
        ServiceToken: 'arn:aws:lambda:us-east-1:111122223333:function:provider',
        ...propertiesOf(sid, endpoint.url, rakutenUrl),
      },
    })) as { Data?: { Status?: string } };
    return answer.Data?.Status ?? 'done';
  };
  if (type === 'Delete') await send('Create');
  let failed = false;
  const isOurs = (): boolean => rakuten.slot(sid)?.url.includes(`k=${URL_SECRET}`) === true;
  const again = async (): Promise<void> => {
    await endLease(services, sid);
    await send('Delete');
  };
  return {
    act: async () => {
      try {
        const status = await send(type);
        return type === 'Create' ? status : 'removed';
      } catch (error) {
        failed = true;
        if (/cloudformation-answer-url/.test(messageOf(error))) return "fails, and tells CloudFormation's answer URL";
        return /Next step:/.test(messageOf(error)) ? 'fails, and says what to do' : 'fails';
      }
    },
    wrongAtOnce: async () => {
      if (failed) return [];
      if (type === 'Delete') return rakuten.slot(sid) === undefined ? [] : ['the Delete succeeded, and the slot holds our URL'];
      const state = await new DynamoRegistrationStore(client, STATE_TABLE).readState(sid);
      if (!isOurs() || rakuten.slot(sid)?.active !== true) return ['the Create succeeded, and the slot does not hold our URL'];
      return state?.properties !== undefined && state.accepted.length === 1 ? [] : ['the Create succeeded, and the state does not say so'];
    },
    recover: async () => {
      if (failed || type === 'Create') await again();
      if (rakuten.slot(sid) !== undefined) return;
      if (failed && type === 'Create') await send('Create');
    },
    wrongInTheEnd: async () => {
      if (type === 'Delete' || !failed) return rakuten.slot(sid) === undefined ? [] : ['the slot holds our URL after the Delete'];
      const isRight = isOurs() && rakuten.slot(sid)?.active === true;
      return isRight ? [] : ['after rollback and a new deployment the slot does not hold our URL'];
    },
    close: async () => {
      rakuten.setSlot(sid, undefined);
      await Promise.all([registration.close(), endpoint.close()]);
    },
  };
}
