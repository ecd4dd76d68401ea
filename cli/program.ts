import { Command, CommanderError } from 'commander';
import { Cli } from './command';
import { COMMANDS } from './commands';
import { CliError, EXIT, type ExitCode } from './errors';
import { DEFAULT_STACK } from './find-installation';
import { parseCount } from './options';
import { type Terminal, write, writeLine } from './terminal';

const NAME = 'cdk-rakuten-postback';

const HELP = `
Which installation:
  A deployed stack, by its name: --stack, else RAKUTEN_STACK_NAME, else
  ${DEFAULT_STACK}. Region and credentials are those of the AWS CLI
  (AWS_REGION, AWS_PROFILE, …), or --region and --profile. --local selects the
  local run of this folder.

Exit codes:
  0  done (and something was found)    2  the command line is wrong
  1  an error                          3  nothing was found

Examples:
  $ ${NAME} query --member clk_01HRV6Z8Q2M4
  $ ${NAME} query --order W-100200300 --advertiser 39001
  $ ${NAME} query --day today --kind return
  $ ${NAME} balances
  $ ${NAME} totals --from 2026-01-01 --to 2026-04-01
  $ ${NAME} export --from 2026-03-01 --to 2026-04-01 -o march.csv
  $ ${NAME} tail --local

"${NAME} help COMMAND" explains a command. docs/querying.md shows
the same with the AWS console, CLI and SDKs.`;

/** The whole command line, for one run. */
export function createProgram(cli: Cli): Command {
  const { stdout, stderr } = cli.terminal;
  const program = new Command(NAME)
    .description(
      'Queries the transaction table of RakutenPostback: lines, orders, balances, totals, exports. Also checks and changes its registration at Rakuten.',
    )
    .version(process.env.RAKUTEN_POSTBACK_VERSION ?? 'from source')
    // Commands inherit the settings at the time when they are added.
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError(`("${NAME} --help" explains it)`)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void write(stdout, text),
      writeErr: (text) => void write(stderr, text),
      getOutHelpWidth: () => stdout.columns ?? 100,
      getErrHelpWidth: () => stderr.columns ?? 100,
    })
    .option('--stack <name>', `deployed stack to ask (default: ${DEFAULT_STACK})`)
    .option('--construct <id>', 'which RakutenPostback, if the stack has several')
    .option('--table <name>', 'transaction table, without a stack')
    .option('--local', 'the local run of this folder')
    .option('--region <region>', 'AWS region')
    .option('--profile <profile>', 'profile of the AWS configuration')
    .option('--day-shards <number>', 'shards of the day index, as set on the construct', parseCount)
    .option('--json', 'JSON instead of a table')
    .option('--debug', 'print the stack trace of an error')
    .addHelpText('after', HELP);
  for (const add of COMMANDS) add(program, cli);
  return program;
}

/** Runs one command line and returns its exit code. Never throws. */
export async function run(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const cli = new Cli(terminal);
  try {
    await createProgram(cli).parseAsync(args, { from: 'user' });
    return cli.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.found : EXIT.usage;
    await report(error, terminal, args.includes('--debug'));
    return error instanceof CliError ? error.exitCode : EXIT.error;
  }
}

async function report(error: unknown, { stderr }: Terminal, debug: boolean): Promise<void> {
  const hint = error instanceof CliError && error.isTraceable ? ' (--debug shows where)' : '';
  await writeLine(
    stderr,
    `error: ${error instanceof Error ? error.message : String(error)}${hint}`,
  );
  for (let cause = error; debug && cause instanceof Error; cause = cause.cause)
    await writeLine(stderr, cause.stack ?? String(cause));
}
