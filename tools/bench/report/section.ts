/** Sentences and tables of a report. */
export interface TableBlock {
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}
export type Block = string | TableBlock;

export interface BenchOptions {
  /** Fewer repetitions: for a smoke test, not for a report. */
  readonly quick: boolean;
  /** Endpoint of an AWS emulator, for what deploys. */
  readonly endpoint?: string;
  /** Class path of a renderer in Apache Velocity, see `tools/check-template-in-velocity.ts`. */
  readonly velocity?: string;
}

/** A benchmark with a place of its own in docs/performance.md. */
export interface Section {
  readonly name: string;
  readonly title: string;
  /** An option that the benchmark needs. Without it the report keeps its old results. */
  readonly needs?: keyof BenchOptions;
  run(options: BenchOptions): Promise<Block[]>;
}

/** A number with its significant digits. */
export const digits = (value: number, places: number): string => value.toFixed(places);
export const thousands = (value: number): string => Math.round(value).toLocaleString('en-US');
