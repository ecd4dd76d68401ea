import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { checkProfile } from '../../profile';
import { type Check, ok, warning } from '../finding';

export const identity: Check = {
  area: 'From here',
  name: 'AWS identity',
  permissions: ['sts:GetCallerIdentity'],
  stackOnly: true,
  run: async (examination) => {
    const { options, terminal } = examination.context;
    await checkProfile(options, terminal.env);
    const client = new STSClient(examination.callersAws());
    const { Account = '', Arn = '' } = await client.send(new GetCallerIdentityCommand({}));
    examination.accountId = Account || undefined;
    const found = `account ${Account}, ${callerOf(Arn)}, region ${await client.config.region()}`;
    return Arn.endsWith(':root')
      ? warning(found, 'work with a role instead of the root user')
      : ok(found);
  },
};

/** The role, without who has taken it. */
function callerOf(arn: string): string {
  const [, role] = /assumed-role\/([^/]+)/.exec(arn) ?? [];
  if (role !== undefined) return `role ${role}`;
  return arn.endsWith(':root') ? 'the root user' : 'a user';
}
