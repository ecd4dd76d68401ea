/** What a part of the report consists of: sentences, and tables. */
export interface TableBlock {
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}
export type Block = string | TableBlock;

export interface BenchOptions {
  /** Fewer repetitions: to see that it works, not to publish. */
  readonly quick: boolean;
  /** Endpoint of an AWS emulator, for what deploys. */
  readonly endpoint?: string;
  /** Class path of a renderer of mapping templates in Apache Velocity (see `scripts/check-template-in-velocity.ts`). */
  readonly velocity?: string;
}

/** One subject of the benchmarks, with a place of its own in docs/performance.md. */
export interface Section {
  readonly name: string;
  readonly title: string;
  /** An option without which there is nothing to measure. The report then keeps what it had. */
  readonly needs?: keyof BenchOptions;
  run(options: BenchOptions): Promise<Block[]>;
}

/** A number with so many digits that the last one still says something. */
export const digits = (value: number, places: number): string => value.toFixed(places);
export const thousands = (value: number): string => Math.round(value).toLocaleString('en-US');
