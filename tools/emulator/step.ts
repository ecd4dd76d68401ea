/** Does the work, and prints its name, how it ended and how long it took. */
export async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  process.stdout.write(`  ${name} … `);
  const started = Date.now();
  try {
    const result = await work();
    console.log(`ok (${((Date.now() - started) / 1000).toFixed(1)} s)`);
    return result;
  } catch (error) {
    console.log('FAILED');
    throw error;
  }
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Runs a check as a program: its exit code says whether all of it held. */
export function run(name: string, main: () => Promise<void>): void {
  main().then(
    () => console.log(`${name} passed`),
    (error: unknown) => {
      console.error(error instanceof Error ? error.message : error);
      process.exitCode = 1;
    },
  );
}
