import { InvalidQueryError, requireCount } from './input';
import type { ListOptions, Transaction, TransactionKind } from './types';

/** Every kind, in the order of the documentation. */
export const TRANSACTION_KINDS = [
  'preliminary',
  'sale',
  'return',
  'adjustment',
  'unknown',
] as const satisfies readonly TransactionKind[];

/** Validated list options. */
export interface RequiredList {
  readonly kinds: ReadonlySet<TransactionKind> | undefined;
  readonly verifiedOnly: boolean;
  readonly newestFirst: boolean;
  readonly limit: number | undefined;
  /** DynamoDB's `Limit`: items read per call, before any filter. */
  readonly readAtOnce: number | undefined;
}

export function requireList(options: ListOptions): RequiredList {
  const kinds = requireKinds(options.kind);
  const verifiedOnly = options.verifiedOnly ?? false;
  const limit = requireCount('limit', options.limit);
  const isFiltered = kinds !== undefined || verifiedOnly;
  return {
    kinds,
    verifiedOnly,
    newestFirst: options.newestFirst ?? false,
    limit,
    // A filter drops an unknown part of what is read. Without one, reading more than the limit
    // costs money for nothing.
    readAtOnce: requireCount('pageSize', options.pageSize) ?? (isFiltered ? undefined : limit),
  };
}

export function listFilter({ kinds, verifiedOnly }: RequiredList): (line: Transaction) => boolean {
  return (line) =>
    (kinds === undefined || kinds.has(line.kind)) &&
    (!verifiedOnly || line.verified_at !== undefined);
}

function requireKinds(kind: ListOptions['kind']): ReadonlySet<TransactionKind> | undefined {
  if (kind === undefined) return undefined;
  const kinds = typeof kind === 'string' ? [kind] : [...kind];
  const wrong = kinds.find((one) => !TRANSACTION_KINDS.includes(one));
  if (wrong !== undefined || kinds.length === 0) {
    throw new InvalidQueryError(
      `kind must be one of ${TRANSACTION_KINDS.join(', ')}, but is '${wrong ?? ''}'`,
    );
  }
  return new Set(kinds);
}
