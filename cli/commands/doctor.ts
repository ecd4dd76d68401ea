import type { AddCommand } from '../command';
import { doctor } from '../doctor/doctor';
import type { SidOptions } from '../registration';

export const addDoctor: AddCommand = (program, cli) => {
  program
    .command('doctor')
    .description('Checks the whole installation, and explains each problem with its fix.')
    .option('--sid <sid>', 'only this publisher')
    .addHelpText(
      'after',
      `
Checks Rakuten, the endpoint, the queues, the table, the schedules and the
alarms. It changes nothing: its five test GETs create no row. For a check that
it may not make it names the missing permission. The output contains no secret
and is safe to share with support.

Exit code 1 if there is a problem; warnings alone do not count.`,
    )
    .action(cli.action<SidOptions>(doctor));
};
