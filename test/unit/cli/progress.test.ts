import { CommandContext } from '../../../cli/command';
import { Progress } from '../../../cli/progress';
import { writeTable } from '../../../cli/stream-table';
import { testTerminal } from '../../support/terminal';

describe('progress', () => {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  async function* numbers(count: number): AsyncGenerator<number> {
    for (let value = 0; value < count; value += 1) yield value;
  }

  test('appears on a terminal after two seconds, also while nothing comes, and is erased at the end', async () => {
    const { terminal, stderr } = testTerminal('.', { columns: 80 });
    const progress = new Progress(terminal, false, 'lines');
    for await (const _ of progress.count(numbers(1200)));
    jest.advanceTimersByTime(1999);
    expect(stderr.text).toBe('');
    jest.advanceTimersByTime(1);
    expect(stderr.text).toBe('1,200 lines, 2 s …');
    jest.advanceTimersByTime(1000);
    progress.stop();
    expect(stderr.text).toContain('1,200 lines, 3 s …\r\u001b[K');
    jest.advanceTimersByTime(10_000);
    expect(stderr.text).not.toContain('4 s');
  });

  test('does not appear in a pipe, or with --quiet', () => {
    for (const [columns, isQuiet] of [
      [undefined, false],
      [80, true],
    ] as const) {
      const { terminal, stderr } = testTerminal('.', { columns });
      const progress = new Progress(terminal, isQuiet, 'lines');
      jest.advanceTimersByTime(5000);
      progress.stop();
      expect(stderr.text).toBe('');
    }
  });
});

test('a long table is written in blocks while its rows are read', async () => {
  const { terminal, stdout } = testTerminal('.');
  const progress = new Progress(terminal, false, 'rows');
  const pending: number[] = [];
  async function* rows(): AsyncGenerator<number> {
    for (let row = 0; row < 1000; row += 1) {
      pending.push(row + 1 - (stdout.text.match(/^row \d+$/gm) ?? []).length);
      yield row;
    }
  }
  const columns = [{ title: 'ROW', text: (row: number) => `row ${row}` }];
  expect(await writeTable(new CommandContext(terminal, {}), columns, rows(), progress)).toBe(1000);
  progress.stop();
  expect(Math.max(...pending)).toBe(200);
  expect(stdout.text.match(/^ROW$/gm)).toHaveLength(5);
});
