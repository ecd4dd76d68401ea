import type { AddCommand } from '../cli/command';
import { drop } from '../dlq/drop';
import { list, show } from '../dlq/list';
import type { DlqOptions } from '../dlq/reading';
import { redrive } from '../dlq/redrive';

const ABOUT = `
A message that could not be processed five times waits in the dead-letter queue, for up to 14 days after it came. Nothing of it is lost until then: mend
the cause, and redrive.

Reading hides the messages from other readers for the moment, and counts as a receive; that does no harm.`;

export const addDlq: AddCommand = (program, cli) => {
  const dlq = program
    .command('dlq')
    .description('Messages that could not be processed: shows them with the reason, sends them back, drops them.')
    .addHelpText('after', ABOUT);
  dlq
    .command('list')
    .description('Lists every message with the reason and the next step.')
    .addHelpText('after', '\nExit code 3 when there is none.')
    .action(cli.action<DlqOptions>(list));
  dlq
    .command('show')
    .description('Shows messages whole, but for the secret of the URL.')
    .argument('[ids...]', 'ids, or how they begin (default: all)')
    .option('--all', 'every message, as without ids')
    .action(cli.action<DlqOptions>(show));
  dlq
    .command('redrive')
    .description('Sends messages back to the queue after the cause is mended, and looks what becomes of them.')
    .argument('[ids...]', 'ids, or how they begin (default: all that can become a row)')
    .option('--all', 'every message that can become a row, as without ids')
    .option('--dry-run', 'only show what would be sent')
    .option('--no-wait', 'without looking what becomes of them')
    .addHelpText(
      'after',
      `
A message is deleted here only after the queue has taken it, and a line that comes twice is one row: a redrive that is cut off loses and doubles
nothing. What has no valid secret, or cannot be read, is left alone unless it is named, since the consumer would turn it away or fail again.

Exit codes: 0 sent back, 1 something could not be sent or failed again, 3 there was nothing.`,
    )
    .action(cli.action<DlqOptions>(redrive));
  dlq
    .command('drop')
    .description('Deletes messages, after writing them to a file.')
    .argument('[ids...]', 'ids, or how they begin')
    .option('--all', 'every message')
    .option('--dry-run', 'only show what would be dropped')
    .option('--yes', 'really do it')
    .option('-o, --output <file>', 'JSON Lines file to add them to (default: dropped-<time>.jsonl)')
    .addHelpText(
      'after',
      `
The file has the messages whole but for the secret of the URL. A line that was dropped by mistake comes back with "reconcile --from DAY", as long as
Rakuten tells it (29 days).`,
    )
    .action(cli.action<DlqOptions>(drop));
};
