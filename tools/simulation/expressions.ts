import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/** An item as DynamoDB keeps it. */
export type Item = Readonly<Record<string, AttributeValue>>;

/** Placeholders and what they stand for. */
export interface Placeholders {
  readonly names?: Readonly<Record<string, string>>;
  readonly values?: Readonly<Record<string, AttributeValue>>;
}

export type Condition = (item: Item | undefined, placeholders: Placeholders) => boolean;
export type Update = (item: Item, placeholders: Placeholders) => Item;

type Operand = (item: Item | undefined, placeholders: Placeholders) => AttributeValue | undefined;

/** Tokens of the expressions that this project writes. Everything else throws. */
const TOKEN = /\s*(<=|>=|<>|[()=<>,+]|[#:]?[\w.-]+)/y;

const conditions = new Map<string, Condition>();
const updates = new Map<string, Update>();

/** The condition, key condition or filter that an expression describes. */
export const condition = (text: string): Condition =>
  cached(conditions, text, (parser) => parser.or());
/** What an update expression does. */
export const update = (text: string): Update => cached(updates, text, (parser) => parser.clauses());

function cached<T>(known: Map<string, T>, text: string, parse: (parser: Parser) => T): T {
  let parsed = known.get(text);
  if (parsed === undefined) {
    const parser = new Parser(text);
    parsed = parse(parser);
    parser.end();
    known.set(text, parsed);
  }
  return parsed;
}

class Parser {
  private readonly tokens: string[] = [];
  private place = 0;

  constructor(private readonly text: string) {
    TOKEN.lastIndex = 0;
    while (TOKEN.lastIndex < text.trimEnd().length) {
      const [, token] = TOKEN.exec(text) ?? this.fail('cannot be read');
      this.tokens.push(token as string);
    }
  }

  or(): Condition {
    const terms = this.separated('OR', () => this.and());
    return terms.length === 1
      ? (terms[0] as Condition)
      : (item, p) => terms.some((term) => term(item, p));
  }

  end(): void {
    if (this.place < this.tokens.length) this.fail(`goes on with ${this.tokens[this.place]}`);
  }

  clauses(): Update {
    const steps: Update[] = [];
    while (this.place < this.tokens.length) {
      if (this.take('SET')) steps.push(...this.separated(',', () => this.assignment()));
      else if (this.take('REMOVE')) steps.push(...this.separated(',', () => this.removal()));
      else this.fail(`has ${this.tokens[this.place]}`);
    }
    return (item, p) => steps.reduce((changed, step) => step(changed, p), item);
  }

  private and(): Condition {
    const terms = this.separated('AND', () => this.not());
    return terms.length === 1
      ? (terms[0] as Condition)
      : (item, p) => terms.every((term) => term(item, p));
  }

  private not(): Condition {
    if (!this.take('NOT')) return this.term();
    const term = this.term();
    return (item, p) => !term(item, p);
  }

  private term(): Condition {
    if (this.take('(')) {
      const inner = this.or();
      this.expect(')');
      return inner;
    }
    const [left] = this.peek(1) === '(' ? [] : [this.operand()];
    return left === undefined ? this.call() : this.comparison(left);
  }

  private call(): Condition {
    const name = this.next();
    this.expect('(');
    const operands = this.separated(',', () => this.operand());
    this.expect(')');
    const [path = this.fail(`has ${name} of nothing`), other] = operands;
    if (name === 'attribute_exists') return (item, p) => path(item, p) !== undefined;
    if (name === 'attribute_not_exists') return (item, p) => path(item, p) === undefined;
    if (name === 'begins_with' && other !== undefined)
      return (item, p) => path(item, p)?.S?.startsWith(other(item, p)?.S ?? '') ?? false;
    return this.fail(`has ${name}`);
  }

  private comparison(left: Operand): Condition {
    const operator = this.next();
    const right = this.operand();
    if (operator === 'BETWEEN') {
      this.expect('AND');
      const last = this.operand();
      return (item, p) =>
        compared(left(item, p), right(item, p), (c) => c >= 0) &&
        compared(left(item, p), last(item, p), (c) => c <= 0);
    }
    if (operator === '=') return (item, p) => isEqual(left(item, p), right(item, p));
    if (operator === '<>') return (item, p) => !isEqual(left(item, p), right(item, p));
    const holds = ORDERINGS[operator] ?? this.fail(`has ${operator}`);
    return (item, p) => compared(left(item, p), right(item, p), holds);
  }

  private assignment(): Update {
    const name = this.next();
    this.expect('=');
    const value = this.operand();
    return (item, p) => ({
      ...item,
      [nameOf(name, p)]: value(item, p) ?? this.fail(`sets ${name} to nothing`),
    });
  }

  private removal(): Update {
    const name = this.next();
    return (item, p) => {
      const { [nameOf(name, p)]: _, ...rest } = item;
      return rest;
    };
  }

  private operand(): Operand {
    const token = this.next();
    if (token.startsWith(':'))
      return (_, p) => p.values?.[token] ?? this.fail(`uses ${token}, which has no value`);
    return (item, p) => item?.[nameOf(token, p)];
  }

  private separated<T>(separator: string, part: () => T): T[] {
    const parts = [part()];
    while (this.take(separator)) parts.push(part());
    return parts;
  }

  private peek(ahead = 0): string | undefined {
    return this.tokens[this.place + ahead];
  }

  private take(token: string): boolean {
    const isNext = this.peek() === token;
    if (isNext) this.place += 1;
    return isNext;
  }

  private next(): string {
    const token = this.peek() ?? this.fail('ends too early');
    this.place += 1;
    return token;
  }

  private expect(token: string): void {
    if (!this.take(token)) this.fail(`has no ${token}`);
  }

  private fail(problem: string): never {
    throw new Error(`the in-memory DynamoDB does not understand "${this.text}": it ${problem}`);
  }
}

function nameOf(token: string, { names }: Placeholders): string {
  if (!token.startsWith('#')) return token;
  const name = names?.[token];
  if (name === undefined) throw new Error(`an expression uses ${token}, which has no name`);
  return name;
}

const ORDERINGS: Readonly<Record<string, (order: number) => boolean>> = {
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

/** Values of different types compare as false. */
function compared(
  a: AttributeValue | undefined,
  b: AttributeValue | undefined,
  holds: (order: number) => boolean,
): boolean {
  if (a?.S !== undefined && b?.S !== undefined)
    return holds(Buffer.compare(Buffer.from(a.S), Buffer.from(b.S)));
  return a?.N !== undefined && b?.N !== undefined && holds(Number(a.N) - Number(b.N));
}

function isEqual(a: AttributeValue | undefined, b: AttributeValue | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  if (a.S !== undefined || b.S !== undefined) return a.S === b.S;
  if (a.N !== undefined || b.N !== undefined) return a.N === b.N;
  if (a.L !== undefined && b.L !== undefined)
    return a.L.length === b.L.length && a.L.every((inner, index) => isEqual(inner, b.L?.[index]));
  if (a.M !== undefined && b.M !== undefined) {
    const names = Object.keys(a.M);
    return (
      names.length === Object.keys(b.M).length &&
      names.every((name) => isEqual(a.M?.[name], b.M?.[name]))
    );
  }
  return a.BOOL !== undefined && a.BOOL === b.BOOL;
}
