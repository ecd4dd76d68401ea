import type { Command } from 'commander';
import { registerByHand, testByHand, unregisterByHand } from '../../core/registration/operations';
import type { RemovalRule } from '../../core/registration/properties';
import type { AddCommand, CommandContext } from '../command';
import { EXIT, type ExitCode, usageError } from '../errors';
import { publisherOf, registrationPorts, type SidOptions } from '../registration';
import { writeLine } from '../terminal';

interface ChangeOptions extends SidOptions {
  /** `false` with --no-self-test. */
  readonly selfTest?: boolean;
  readonly replace?: boolean;
  readonly rule?: string;
  /** `false` with --no-queue. */
  readonly queue?: boolean;
}

type Context = CommandContext<ChangeOptions>;

const sidOption = (command: Command): Command =>
  command.option('--sid <sid>', 'the publisher, where there are several');
const selfTestOption = (command: Command): Command =>
  command.option(
    '--no-self-test',
    'without proving the endpoint first (needed from where it cannot be reached within its limit)',
  );

export const addEnable: AddCommand = (program, cli) => {
  selfTestOption(
    sidOption(
      program
        .command('enable')
        .description('Switches the postback on at Rakuten, after the self-test.'),
    ),
  ).action(
    cli.action<ChangeOptions>((context) =>
      register(context, { enabled: true, selfTest: onlyIfAsked(context) }),
    ),
  );
};

export const addDisable: AddCommand = (program, cli) => {
  sidOption(
    program
      .command('disable')
      .description(
        'Switches the postback off at Rakuten; what it would push meanwhile comes from the Events API.',
      ),
  )
    .addHelpText(
      'after',
      '\nIt stays off until "enable", or until a deployment that changes the\nregistration says otherwise.',
    )
    .action(
      cli.action<ChangeOptions>((context) =>
        register(context, { enabled: false, selfTest: false }),
      ),
    );
};

export const addRegister: AddCommand = (program, cli) => {
  selfTestOption(
    sidOption(
      program
        .command('register')
        .description('Registers the URL again as it was last deployed, after the self-test.'),
    ),
  )
    .option(
      '--replace',
      'take the slot over if somebody else has it; that URL is remembered and restored on removal',
    )
    .action(
      cli.action<ChangeOptions>((context) =>
        register(context, { selfTest: onlyIfAsked(context), replace: context.options.replace }),
      ),
    );
};

export const addUnregister: AddCommand = (program, cli) => {
  sidOption(
    program
      .command('unregister')
      .description('Takes our URL out of the slot at Rakuten. A URL of somebody else stays.'),
  )
    .option(
      '--rule <rule>',
      'DELETE, DISABLE, or RESTORE what was there before (default: as deployed)',
    )
    .action(cli.action<ChangeOptions>(unregister));
};

export const addTest: AddCommand = (program, cli) => {
  sidOption(
    program
      .command('test')
      .description(
        'Sends test postbacks to the endpoint from here: ten in a row must be answered in time.',
      ),
  )
    .option('--no-queue', 'without waiting until one has come out of the queue')
    .action(cli.action<ChangeOptions>(test));
};

/** As deployed, unless --no-self-test. */
const onlyIfAsked = ({ options }: Context): false | undefined =>
  options.selfTest === false ? false : undefined;

async function register(
  context: Context,
  changes: { enabled?: boolean; selfTest?: boolean; replace?: boolean },
): Promise<ExitCode> {
  const sid = await publisherOf(context);
  const { active, selfTest } = await registerByHand(await registrationPorts(context), sid, changes);
  return tell(
    context,
    { sid, active, selfTest },
    `SID ${sid}: registered, ${active ? 'active' : 'switched off'}`,
  );
}

async function unregister(context: Context): Promise<ExitCode> {
  const rule = context.options.rule?.toUpperCase();
  if (rule !== undefined && !['DELETE', 'DISABLE', 'RESTORE'].includes(rule)) {
    throw usageError(`--rule is ${rule}; give DELETE, DISABLE or RESTORE`);
  }
  const sid = await publisherOf(context);
  const removal = await unregisterByHand(
    await registrationPorts(context),
    sid,
    rule as Exclude<RemovalRule, 'RETAIN'> | undefined,
  );
  const words = {
    removed: 'our postback is deleted',
    'switched off': 'our postback is switched off',
    restored: 'the URL that was there before is back',
    'nothing to do': 'there was nothing of ours in the slot',
  };
  return tell(
    context,
    { sid, removal },
    `SID ${sid}: ${words[removal]}. "cdk-rakuten-postback register" puts it back`,
  );
}

async function test(context: Context): Promise<ExitCode> {
  const sid = await publisherOf(context);
  const queue = context.options.queue !== false;
  const result = await testByHand(await registrationPorts(context), sid, queue);
  const { p50Millis, maxMillis } = result;
  const through = queue ? ', and one has come out of the queue' : '';
  return tell(
    context,
    { sid, ...result, queue },
    `SID ${sid}: ten in a row answered, median ${p50Millis} ms, longest ${maxMillis} ms${through}`,
  );
}

async function tell(
  { options, terminal }: Context,
  result: object,
  words: string,
): Promise<ExitCode> {
  await writeLine(terminal.stdout, options.json === true ? JSON.stringify(result) : words);
  return EXIT.found;
}
