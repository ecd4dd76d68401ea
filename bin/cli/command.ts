import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Command } from 'commander';
import picocolors from 'picocolors';
import { TransactionsClient } from '../../client';
import { EXIT, type ExitCode, explain } from './errors';
import { findInstallation, type GlobalOptions, type Installation, installationName, requireResource } from './installation';
import { isColoured, type Terminal } from './terminal';

/** What a command works with. */
export class CommandContext<O extends GlobalOptions = GlobalOptions> {
  /** Colours for standard output: they do nothing where it is no terminal. */
  readonly colours: ReturnType<typeof picocolors.createColors>;
  private found: Promise<Installation> | undefined;

  constructor(
    readonly terminal: Terminal,
    readonly options: O,
    /** What stands behind the command's name beside options, for example ids. */
    readonly args: readonly string[] = [],
  ) {
    this.colours = picocolors.createColors(isColoured(terminal.stdout, terminal.env));
  }

  /** The installation that the options name, looked up once. */
  installation(): Promise<Installation> {
    this.found ??= findInstallation(this.options, this.terminal);
    return this.found;
  }

  /** The query library on the installation's table. */
  async transactions(): Promise<TransactionsClient> {
    const installation = await this.installation();
    const shards = this.options.dayShards ?? Number(installation.resources.dayShards ?? 1);
    return new TransactionsClient({
      client: new DynamoDBClient(installation.aws('dynamodb')),
      tableName: requireResource(installation, 'tableName'),
      dayShards: shards,
    });
  }
}

/** A run of the command line: commands add themselves to its program and leave their exit code here. */
export class Cli {
  exitCode: ExitCode = EXIT.found;

  constructor(readonly terminal: Terminal) {}

  /**
   * The action of a command: `command.action(cli.action(async (context) => …))`. It gets the command's options together with the global
   * ones and answers with the exit code; what it throws is explained in one line.
   */
  action<O extends object>(run: (context: CommandContext<O & GlobalOptions>) => Promise<ExitCode>): (...args: unknown[]) => Promise<void> {
    return async (...args) => {
      const command = args.at(-1) as Command;
      const options = command.optsWithGlobals<O & GlobalOptions>();
      try {
        this.exitCode = await run(new CommandContext(this.terminal, options, command.args));
      } catch (error) {
        throw explain(error, installationName(options, this.terminal.env));
      }
    };
  }
}

/** Adds a command to the program. See `bin/commands/index.ts`. */
export type AddCommand = (program: Command, cli: Cli) => void;
