import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Command } from 'commander';
import { TransactionsClient } from '../client';
import { createStyles, isStyled, type Styles } from '../core/terminal-text';
import { EXIT, type ExitCode, explain } from './errors';
import { findInstallation, installationName } from './find-installation';
import { type GlobalOptions, type Installation, requireResource } from './installation';
import type { Terminal } from './terminal';

/** The context of a command. */
export class CommandContext<O extends GlobalOptions = GlobalOptions> {
  /** Colours for standard output. They do nothing if it is not a terminal. */
  readonly colours: Styles;
  private found: Promise<Installation> | undefined;

  constructor(
    readonly terminal: Terminal,
    readonly options: O,
    /** Arguments after the command's name, for example ids. */
    readonly args: readonly string[] = [],
  ) {
    this.colours = createStyles(isStyled(terminal.stdout, terminal.env));
  }

  /** The installation that the options name, found once. */
  installation(): Promise<Installation> {
    this.found ??= findInstallation(this.options, this.terminal);
    return this.found;
  }

  /** The client of the installation's table. */
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

/**
 * A run of the command line. Commands add themselves to its program and set their exit code here.
 */
export class Cli {
  exitCode: ExitCode = EXIT.found;

  constructor(readonly terminal: Terminal) {}

  /**
   * The action of a command: `command.action(cli.action(async (context) => …))`.
   *
   * It gets the command's options together with the global ones and returns the exit code. An error
   * is explained in one line.
   */
  action<O extends object>(
    run: (context: CommandContext<O & GlobalOptions>) => Promise<ExitCode>,
  ): (...args: unknown[]) => Promise<void> {
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

/** The publisher that the options name, else the only one of the installation. */
export const sidOf = async (
  context: CommandContext<GlobalOptions & { readonly sid?: string }>,
): Promise<string> => context.options.sid ?? requireResource(await context.installation(), 'sid');

/** Adds a command to the program. See `cli/commands/index.ts`. */
export type AddCommand = (program: Command, cli: Cli) => void;
