import type { Line } from './metrics';

export interface Axis {
  readonly min?: number;
  readonly max?: number;
  readonly label?: string;
}

export interface Annotation {
  readonly value: number;
  readonly label?: string;
  readonly color?: string;
}

export interface Chart {
  readonly lines: readonly Line[];
  readonly left: Axis;
  readonly right: Axis;
  readonly stacked: boolean;
  readonly annotations: readonly Annotation[];
  readonly width: number;
  readonly height: number;
}

const MARGIN = { top: 8, right: 46, bottom: 18, left: 46 };
const COLOURS = [
  '#1f77b4',
  '#ff7f0e',
  '#2ca02c',
  '#d62728',
  '#9467bd',
  '#8c564b',
  '#e377c2',
  '#7f7f7f',
];

export const colourOf = (line: Line, i: number): string =>
  line.color ?? COLOURS[i % COLOURS.length] ?? '#000';

/** A graph as SVG. */
export function chartSvg(chart: Chart): string {
  const { width, height, lines, stacked, annotations } = chart;
  const plot = {
    width: width - MARGIN.left - MARGIN.right,
    height: height - MARGIN.top - MARGIN.bottom,
  };
  const shown = stacked ? stack(lines) : lines;
  const scale = {
    left: top(chart.left, [...valuesOf(shown, false), ...annotations.map(({ value }) => value)]),
    right: top(chart.right, valuesOf(shown, true)),
  };
  const y = (value: number, right: boolean): number =>
    MARGIN.top + plot.height * (1 - value / (right ? scale.right : scale.left));
  const x = (i: number, count: number): number => MARGIN.left + (plot.width * (i + 0.5)) / count;

  const parts = [0, 0.5, 1].flatMap((share) => {
    const at = MARGIN.top + plot.height * (1 - share);
    return [
      `<line x1="${MARGIN.left}" x2="${width - MARGIN.right}" y1="${at}" y2="${at}" stroke="#e3e6e8"/>`,
      `<text x="${MARGIN.left - 5}" y="${at + 3}" text-anchor="end">${short(scale.left * share)}</text>`,
      ...(lines.some(({ right }) => right)
        ? [
            `<text x="${width - MARGIN.right + 5}" y="${at + 3}">${short(scale.right * share)}</text>`,
          ]
        : []),
    ];
  });
  for (const [i, day] of ['Wed', 'Thu', 'Fri'].entries()) {
    parts.push(
      `<text x="${MARGIN.left + (plot.width * i) / 3}" y="${height - 5}">${day} 00:00</text>`,
    );
  }
  // The lowest of a stack is drawn last, over the others.
  const drawn = shown.map((line, i) => drawLine(line, colourOf(line, i), stacked, x, y));
  parts.push(...(stacked ? drawn.reverse() : drawn));
  for (const { value, label = '', color = '#d62728' } of annotations) {
    parts.push(
      `<line x1="${MARGIN.left}" x2="${width - MARGIN.right}" y1="${y(value, false)}" y2="${y(value, false)}" stroke="${color}" stroke-dasharray="4 3"/>`,
      `<text x="${width - MARGIN.right - 3}" y="${y(value, false) - 3}" text-anchor="end" fill="${color}">${escapeHtml(label)} ${value}</text>`,
    );
  }
  return `<svg width="${width}" height="${height}" font-size="9" fill="#687078">${parts.join('')}</svg>`;
}

function drawLine(
  { values, right }: Line,
  color: string,
  filled: boolean,
  x: (i: number, count: number) => number,
  y: (value: number, right: boolean) => number,
): string {
  const runs: string[][] = [[]];
  for (const [i, value] of values.entries()) {
    if (value === undefined || Number.isNaN(value)) runs.push([]);
    else runs.at(-1)?.push(`${x(i, values.length).toFixed(1)},${y(value, right).toFixed(1)}`);
  }
  return runs
    .filter((run) => run.length > 0)
    .map((run) => {
      if (filled)
        return `<polygon points="${run[0]?.split(',')[0]},${y(0, right)} ${run.join(' ')} ${run.at(-1)?.split(',')[0]},${y(0, right)}" fill="${color}" fill-opacity="0.75"/>`;
      const [point = ''] = run;
      if (run.length === 1)
        return `<circle cx="${point.split(',')[0]}" cy="${point.split(',')[1]}" r="2" fill="${color}"/>`;
      return `<polyline points="${run.join(' ')}" fill="none" stroke="${color}" stroke-width="1.3"/>`;
    })
    .join('');
}

function stack(lines: readonly Line[]): Line[] {
  const length = Math.max(0, ...lines.map(({ values }) => values.length));
  const below = new Array<number>(length).fill(0);
  return lines.map((line) => {
    const values = below.map((value, i) => value + (line.values[i] ?? 0));
    for (const [i, value] of values.entries()) below[i] = value;
    return { ...line, values };
  });
}

const valuesOf = (lines: readonly Line[], right: boolean): number[] =>
  lines
    .filter((line) => line.right === right)
    .flatMap(({ values }) => values.filter((v) => v !== undefined && !Number.isNaN(v)) as number[]);

/** A round number that has all values below it. */
function top({ max }: Axis, values: readonly number[]): number {
  if (max !== undefined) return max;
  const highest = Math.max(1e-6, ...values) * 1.08;
  const power = 10 ** Math.floor(Math.log10(highest));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((step) => step >= highest) ?? highest;
}

export function short(value: number): string {
  if (Math.abs(value) >= 1e6) return `${+(value / 1e6).toFixed(2)}M`;
  if (Math.abs(value) >= 1e4) return `${+(value / 1e3).toFixed(1)}k`;
  return `${+value.toFixed(value < 0.1 ? 4 : value < 10 ? 2 : 0)}`;
}

export const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
