import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { timeText } from '../../show';
import { type Check, ok, problem, warning } from '../finding';

export const stack: Check = {
  area: 'From here',
  name: 'Stack',
  permissions: ['cloudformation:DescribeStacks'],
  run: async (examination) => {
    // Asked without the examination in between, as its failure belongs here.
    const installation = await examination.context.installation();
    if (installation.kind === 'local') return ok('the local run of this folder');
    const client = new CloudFormationClient(await examination.aws('cloudFormation'));
    const StackName = await examination.stackName();
    const { Stacks: [found] = [] } = await client.send(new DescribeStacksCommand({ StackName }));
    const { StackStatus = '', LastUpdatedTime, CreationTime } = found ?? {};
    const at = LastUpdatedTime ?? CreationTime;
    return judgeStack(
      StackStatus,
      `${StackName}, ${StackStatus}${at === undefined ? '' : `, last deployed ${timeText(at.toISOString())} UTC`}`,
    );
  },
};

function judgeStack(status: string, found: string) {
  if (/^(CREATE|UPDATE|IMPORT)_COMPLETE$/.test(status)) return ok(found);
  if (/_IN_PROGRESS$/.test(status))
    return warning(found, 'a deployment is at work: look again when it has ended');
  if (/^(UPDATE|IMPORT)_ROLLBACK_COMPLETE$/.test(status)) {
    return warning(
      found,
      "the last deployment failed and was undone: its reason is in the stack's events; deploy again",
    );
  }
  return problem(
    found,
    "see the reason in the stack's events; then deploy again (UPDATE_ROLLBACK_FAILED: continue the rollback first)",
  );
}
