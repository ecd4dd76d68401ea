import { EXIT, type ExitCode, usageError } from '../errors';
import { installationName } from '../find-installation';
import { writeLine } from '../terminal';
import { CHECKS } from './checks';
import { type DoctorContext, Examination } from './examination';
import { Report } from './report';
import { examine } from './run';

/** Looks at the whole chain and tells what it finds. Exit code 1 when there is a problem. */
export async function doctor(context: DoctorContext): Promise<ExitCode> {
  const { options, terminal } = context;
  if (options.table !== undefined)
    throw usageError('a table alone has no chain to look at: name the stack with --stack');
  const startedAt = performance.now();
  const examination = new Examination(context);
  const name = installationName(options, terminal.env);
  const report = new Report(context, CHECKS.length);
  if (options.json !== true) await report.head(name);
  const told = await examine(examination, CHECKS, {
    onProgress: (running, ended) => report.progress(running, ended),
    onFindings: async (findings) => {
      if (options.json !== true) await report.findings(findings);
    },
  });
  report.clear();
  if (options.json === true) {
    const at = terminal.now().toISOString();
    await writeLine(terminal.stdout, JSON.stringify({ installation: name, at, findings: told }));
  } else {
    await report.summary(told, performance.now() - startedAt);
  }
  return told.some(({ status }) => status === 'problem') ? EXIT.error : EXIT.found;
}
