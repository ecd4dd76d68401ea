import type { AddCommand } from '../command';
import { drop } from '../dlq/drop';
import { list, show } from '../dlq/list';
import type { DlqOptions } from '../dlq/reading';
import { redrive } from '../dlq/redrive';

const ABOUT = `
A message that failed five times is kept in the dead-letter queue until 14 days
after its arrival. Nothing of it is lost until then: fix the cause, then
redrive.

Reading hides the messages from other readers for a moment and counts as a
receive. That does no harm.`;

export const addDlq: AddCommand = (program, cli) => {
  const dlq = program
    .command('dlq')
    .description('Shows, redrives or drops messages that could not be processed.')
    .addHelpText('after', ABOUT);
  dlq
    .command('list')
    .description('Lists every message with the reason and the next step.')
    .addHelpText('after', '\nExit code 3 if there is none.')
    .action(cli.action<DlqOptions>(list));
  dlq
    .command('show')
    .description('Shows messages in full, except for the secret of the URL.')
    .argument('[ids...]', 'ids or prefixes of ids (default: all)')
    .option('--all', 'every message, as without ids')
    .action(cli.action<DlqOptions>(show));
  dlq
    .command('redrive')
    .description(
      'Sends messages back to the queue after the cause is fixed, and reports the result.',
    )
    .argument('[ids...]', 'ids or prefixes of ids (default: all that can become a row)')
    .option('--all', 'every message that can become a row, as without ids')
    .option('--dry-run', 'only show the messages that would be sent')
    .option('--no-wait', 'do not wait for the result')
    .addHelpText(
      'after',
      `
A message is deleted here only after the queue has accepted it, and a line that
arrives twice is one row: an interrupted redrive loses and duplicates nothing. A
message without a valid secret, or one that is unreadable, is skipped unless you
give its id: the consumer would reject it or fail again.

Exit codes: 0 sent back, 1 a message could not be sent or failed again, 3 there
was none.`,
    )
    .action(cli.action<DlqOptions>(redrive));
  dlq
    .command('drop')
    .description('Deletes messages after writing them to a file.')
    .argument('[ids...]', 'ids or prefixes of ids')
    .option('--all', 'every message')
    .option('--dry-run', 'only show the messages that would be dropped')
    .option('--yes', 'required to delete anything')
    .option('-o, --output <file>', 'JSON Lines file to append to (default: dropped-<time>.jsonl)')
    .addHelpText(
      'after',
      `
The file contains the messages in full, except for the secret of the URL.
"reconcile --from DAY" brings back a line that was dropped by mistake, as long
as Rakuten returns it (29 days).`,
    )
    .action(cli.action<DlqOptions>(drop));
};
