import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { AddCommand, CommandContext } from '../command';
import { CliError, EXIT, type ExitCode } from '../errors';
import type { GlobalOptions } from '../installation';
import { writeJsonArray } from '../json';
import { addPublisher } from '../options';
import { numberText, type Progress, withProgress } from '../progress';
import { writeLine, writeText } from '../terminal';

interface ClicksOptions extends GlobalOptions {
  readonly sid?: string;
}

type Context = CommandContext<ClicksOptions>;

export const addClicks: AddCommand = (program, cli) => {
  const command = program
    .command('clicks')
    .description('Clicks (values of u1) that have no transaction.')
    .argument('<file>', 'file with one click per line; - is standard input');
  addPublisher(command)
    .addHelpText(
      'after',
      `
Prints the clicks of the file without any line, in the order of the file: no
event, no confirmed line, no return. Empty lines and spaces around a click do
not count. Each click costs one query of at most one read unit. --json prints an
array.

Exit codes: 0 there are such clicks, 1 an error, 2 the command line is wrong, 3
every click has a transaction.

Examples:
  $ cdk-rakuten-postback clicks clicks.txt
  $ cut -d , -f 1 clicks.csv | cdk-rakuten-postback clicks - > lost.txt`,
    )
    .action(
      cli.action<ClicksOptions>((context) =>
        withProgress(context, 'clicks', (progress) => clicks(context, progress)),
      ),
    );
};

async function clicks(context: Context, progress: Progress): Promise<ExitCode> {
  const { options, terminal, args } = context;
  const { sid } = options;
  const transactions = await context.transactions();
  const wanted = progress.count(nonEmptyLines(await openInput(context, args[0] ?? '-')));
  const found = transactions.clicksWithoutTransaction(wanted, { sid });
  const count =
    options.json === true
      ? await writeJsonArray(terminal.stdout, found)
      : await writeClicks(context, found, progress);
  progress.erase();
  const text = `${numberText(count)} of ${numberText(progress.total)} clicks ${count === 1 ? 'has' : 'have'} no transaction`;
  await writeText(terminal.stderr, text);
  return count === 0 ? EXIT.nothing : EXIT.found;
}

async function writeClicks(
  { terminal: { stdout } }: Context,
  found: AsyncIterable<string>,
  progress: Progress,
): Promise<number> {
  let count = 0;
  for await (const click of found) {
    progress.erase();
    await writeLine(stdout, click);
    count += 1;
  }
  return count;
}

async function openInput({ terminal }: Context, file: string): Promise<Readable> {
  if (file === '-') return terminal.stdin;
  const path = resolve(terminal.directory, file);
  try {
    const handle = await open(path);
    if (!(await handle.stat()).isDirectory()) return handle.createReadStream();
    await handle.close();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EACCES'
          ? 'the permission to read it is missing'
          : message;
    throw new CliError(
      `cannot read ${path}: ${reason}. Give a file with one click per line, or - for standard input`,
      EXIT.error,
      {
        cause,
      },
    );
  }
  throw new CliError(
    `cannot read ${path}: it is a folder. Give a file with one click per line, or - for standard input`,
  );
}

async function* nonEmptyLines(input: Readable): AsyncGenerator<string> {
  let isFirst = true;
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    const click = (isFirst ? line.replace(/^\uFEFF/, '') : line).trim();
    isFirst = false;
    if (click !== '') yield click;
  }
}
