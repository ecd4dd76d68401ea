import { createHash } from 'node:crypto';

/** 8 MiB. With a million keys, about one answer in 100,000 is a false `true`. */
const BITS = 2 ** 26;
const PROBES = [0, 4, 8, 12];

/**
 * A set of keys of constant size (a Bloom filter).
 *
 * `mayHave` is `true` for every key that was added, and by chance for a few others.
 */
export class KeyFilter {
  private readonly bytes = new Uint8Array(BITS / 8);

  add(key: string): void {
    for (const bit of bitsOf(key))
      this.bytes[bit >>> 3] = (this.bytes[bit >>> 3] ?? 0) | (1 << (bit & 7));
  }

  mayHave(key: string): boolean {
    return bitsOf(key).every((bit) => ((this.bytes[bit >>> 3] ?? 0) & (1 << (bit & 7))) !== 0);
  }
}

function bitsOf(key: string): number[] {
  const hash = createHash('sha256').update(key).digest();
  return PROBES.map((offset) => hash.readUInt32BE(offset) % BITS);
}
