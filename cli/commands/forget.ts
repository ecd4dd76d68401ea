import type { AddCommand } from '../command';
import { forget } from '../forget/forget';
import type { ForgetOptions } from '../forget/options';

const ABOUT = `
Removes the member from u1, stored query strings, undocumented parameters and
earlier values of every row, from dead letters and from failure notes. The lines
stay, with their amounts and dates. Rows of other members do not change.

The state table keeps a salted hash, so that the Events API and redelivered
postbacks do not bring the member back. The command then waits until every
function knows it (150 seconds), reads the whole table twice, and reports what
is left to do elsewhere. A run that was interrupted can be repeated.

It reads every object of the archive, and lists the keys of those that contain
the member. It does not change them: replace or delete them yourself.

The ID must be spelled as in u1. Escaped spellings of it are found, too.

Exit codes: 0 removed (or found, with --dry-run), 1 not everything could be
removed or read, 3 the member was nowhere. Its hash is kept then, too.

Examples:
  $ cdk-rakuten-postback forget --member 48151623 --dry-run
  $ cdk-rakuten-postback forget --member 48151623 --yes
  $ cdk-rakuten-postback forget --member 48151623 --sid 3900112 --yes --json`;

export const addForget: AddCommand = (program, cli) => {
  program
    .command('forget')
    .description('Removes a member from rows, dead letters and notes, for good.')
    .requiredOption('--member <u1>', 'ID of the member')
    .option('--sid <sid>', 'only in lines of this publisher (default: of every publisher)')
    .option('--dry-run', 'only report where the member is')
    .option('--yes', 'required to remove anything')
    .addHelpText('after', ABOUT)
    .action(cli.action<ForgetOptions>(forget));
};
