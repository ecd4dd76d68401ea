import { evaluate, type Series } from './expression';
import { sample } from './samples';

/**
 * An entry of a widget's `metrics`: namespace, name, dimensions and options, as CDK writes them. Or
 * an expression alone.
 */
export type MetricEntry = readonly (string | Readonly<Record<string, unknown>>)[];

export interface Line {
  readonly label: string;
  readonly color?: string;
  readonly right: boolean;
  readonly values: readonly (number | undefined)[];
}

interface Read {
  readonly id?: string;
  readonly visible: boolean;
  readonly line: Line;
}

/**
 * What a widget shows, with made-up values. `periodSeconds`: for all of it, where the widget says
 * that it is the time shown.
 */
export function linesOf(entries: readonly MetricEntry[], periodSeconds?: number): Line[] {
  const read = entries.map((entry) =>
    isExpression(entry) ? undefined : readMetric(entry, periodSeconds),
  );
  const known = (id: string): Series => {
    const metric = read.find((candidate) => candidate?.id === id);
    if (metric !== undefined) return metric.line.values.map((value) => value ?? 0);
    const expression = entries.filter(isExpression).find((entry) => optionsOf(entry).id === id);
    if (expression === undefined)
      throw new Error(`an expression uses ${id}, and there is no such metric`);
    return evaluate(String(optionsOf(expression).expression), known);
  };
  return entries.flatMap((entry, i) => {
    const metric = read[i];
    if (metric !== undefined) return metric.visible ? [metric.line] : [];
    const { label, color, visible, expression, yAxis } = optionsOf(entry);
    if (visible === false) return [];
    const values = evaluate(String(expression), known);
    return [
      {
        label: String(label ?? expression),
        color: color as string | undefined,
        right: yAxis === 'right',
        values,
      },
    ];
  });
}

const isExpression = (entry: MetricEntry): boolean =>
  entry.length === 1 && 'expression' in optionsOf(entry);

function optionsOf(entry: MetricEntry): Readonly<Record<string, unknown>> {
  const last = entry.at(-1);
  return typeof last === 'object' ? last : {};
}

function readMetric(entry: MetricEntry, periodSeconds?: number): Read {
  const [, name] = entry;
  const {
    id,
    label,
    color,
    visible,
    stat = 'Average',
    period = 300,
    yAxis,
  } = optionsOf(entry) as Record<string, never>;
  const values = sample(String(name), String(stat), periodSeconds ?? Number(period));
  return {
    id,
    visible: visible !== false,
    line: { label: String(label ?? name), color, right: yAxis === 'right', values },
  };
}
