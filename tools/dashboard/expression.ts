/** Values of a metric, one for each moment shown. */
export type Series = readonly number[];

/**
 * Works out the metric math that the dashboard uses: numbers, ids, + - * /, parentheses, and SUM
 * over a list. Anything else is an error, so that a picture never shows what CloudWatch would not.
 */
export function evaluate(expression: string, seriesOf: (id: string) => Series): Series {
  const tokens = expression.match(/[A-Za-z]\w*|\d+(?:\.\d+)?(?:e-?\d+)?|[-+*/()[\],]/g) ?? [];
  if (tokens.join('') !== expression.replace(/\s/g, ''))
    throw new Error(`cannot be read: ${expression}`);
  const reader = new Reader(tokens, seriesOf);
  const result = reader.sum();
  reader.end();
  return result;
}

class Reader {
  private at = 0;

  constructor(
    private readonly tokens: readonly string[],
    private readonly seriesOf: (id: string) => Series,
  ) {}

  sum(): Series {
    let result = this.product();
    while (this.isNext('+', '-')) {
      const sign = this.take() === '+' ? 1 : -1;
      result = combine(result, this.product(), (a, b) => a + sign * b);
    }
    return result;
  }

  end(): void {
    if (this.at < this.tokens.length) throw new Error(`'${this.tokens[this.at]}' is not expected`);
  }

  private product(): Series {
    let result = this.value();
    while (this.isNext('*', '/')) {
      const divides = this.take() === '/';
      result = combine(result, this.value(), (a, b) => (divides ? a / b : a * b));
    }
    return result;
  }

  private value(): Series {
    const token = this.take();
    if (token === '(') return this.closed(')', this.sum());
    if (token === 'SUM') return this.total();
    return /^\d/.test(token) ? [Number(token)] : this.seriesOf(token);
  }

  private total(): Series {
    this.expect('(');
    this.expect('[');
    let result = this.sum();
    while (this.isNext(',')) {
      this.take();
      result = combine(result, this.sum(), (a, b) => a + b);
    }
    this.expect(']');
    return this.closed(')', result);
  }

  private closed(token: string, result: Series): Series {
    this.expect(token);
    return result;
  }

  private isNext(...tokens: string[]): boolean {
    return tokens.includes(this.tokens[this.at] ?? '');
  }

  private take(): string {
    const token = this.tokens[this.at++];
    if (token === undefined) throw new Error('the expression ends too early');
    return token;
  }

  private expect(token: string): void {
    if (this.take() !== token) throw new Error(`'${token}' is expected`);
  }
}

/** A number alone is the same at each moment. */
function combine(a: Series, b: Series, operation: (a: number, b: number) => number): Series {
  const at = (series: Series, i: number): number =>
    series.length === 1 ? Number(series[0]) : (series[i] ?? Number.NaN);
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i) =>
    operation(at(a, i), at(b, i)),
  );
}
