/** `bash tools/iam/run`: permissions against calls, in both directions. */
import colors from 'picocolors';
import { checkedApps } from './apps';
import { type AppReport, checkApp } from './check-app';
import { Engine } from './engine';
import { EXPLAINED, EXPLAINED_MANAGED } from './explained';
import { type ObservedCall, observeCalls } from './observed';

async function main([modules]: readonly string[]): Promise<void> {
  if (modules === undefined)
    throw new Error(
      'give the node_modules folder with @cloud-copilot/iam-simulate, or start tools/iam/run',
    );
  const engine = new Engine(modules);
  const observed = await observeCalls();
  const reports: AppReport[] = [];
  for (const app of checkedApps()) {
    const report = await checkApp(app, observed, engine);
    reports.push(report);
    tell(app.name, report);
  }
  const left = unused(observed, reports);
  for (const one of left) console.error(colors.red(`  ${one}`));
  console.log(
    colors.dim(
      `${observed.length} calls observed, ${engine.decisions} decisions, IAM data ${await engine.data.iamDataVersion()}`,
    ),
  );
  if (left.length > 0 || reports.some(({ violations }) => violations.length > 0))
    process.exitCode = 1;
}

function tell(
  name: string,
  { calls, permissions, conditions, explained, violations }: AppReport,
): void {
  const counts = `${calls} calls, ${permissions} permissions, ${conditions} of them with conditions`;
  console.log(`${name}: ${counts}; ${violations.length} violations, ${explained} explained`);
  for (const violation of violations) console.error(colors.red(`  ${violation}`));
}

/** Calls that no app has a place for, and explanations of what is nowhere. */
function unused(observed: readonly ObservedCall[], reports: readonly AppReport[]): string[] {
  const used = new Set(reports.flatMap((report) => [...report.used]));
  const calls = observed
    .filter((call) => !used.has(call))
    .map((call) => `${call.bundle} ${call.service} ${call.operation}`);
  const explanations = [...EXPLAINED, ...EXPLAINED_MANAGED].filter((one) => !used.has(one));
  return [
    ...[...new Set(calls)].map((call) => `in no app: ${call}`),
    ...explanations.map(({ reason }) => `explains nothing: ${reason}`),
  ];
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
