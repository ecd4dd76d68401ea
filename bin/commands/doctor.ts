import type { AddCommand } from '../cli/command';
import type { SidOptions } from '../cli/registration';
import { doctor } from '../doctor/doctor';

export const addDoctor: AddCommand = (program, cli) => {
  program
    .command('doctor')
    .description('Walks the whole chain, says what it finds and how to mend it.')
    .option('--sid <sid>', 'only this publisher')
    .addHelpText(
      'after',
      `
From this terminal over Rakuten, the endpoint and the queues to the table, the schedules and the alarms. It changes nothing but for five test GETs,
which make no row. What it may not look at it names by the permission that is missing. Nothing secret is in its output: it can be sent to support.

Exit code 1 when there is a problem; warnings alone are no problem.`,
    )
    .action(cli.action<SidOptions>(doctor));
};
