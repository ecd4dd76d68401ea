import { type Annotation, type Axis, chartSvg, colourOf, escapeHtml, short } from './chart';
import { type Line, linesOf, type MetricEntry } from './metrics';

export interface Widget {
  readonly type: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly properties: WidgetProperties;
}

interface WidgetProperties {
  readonly markdown?: string;
  readonly title?: string;
  readonly view?: string;
  readonly metrics?: readonly MetricEntry[];
  readonly stacked?: boolean;
  readonly setPeriodToTimeRange?: boolean;
  readonly yAxis?: { readonly left?: Axis; readonly right?: Axis };
  readonly annotations?: { readonly horizontal?: readonly Annotation[] };
  readonly alarms?: readonly string[];
}

/** CloudWatch's grid: 24 columns, here on a screen of usual width. */
const COLUMN = 60;
const ROW = 50;
const TITLE = 24;
const LEGEND = 15;
const THREE_DAYS_SECONDS = 3 * 86_400;

const STYLE = `body{margin:0;background:#f2f3f3;font:12px/1.4 Helvetica,Arial,sans-serif;color:#16191f;position:relative}
.w{position:absolute;box-sizing:border-box;padding:3px}.c{background:#fff;border:1px solid #d5dbdb;height:100%;box-sizing:border-box;overflow:hidden;padding:4px 6px}
.t{background:transparent;border:0}h1{font-size:20px;margin:0}h2{font-size:16px;margin:2px 0}p{margin:2px 0}code{background:#eaeded;padding:0 3px;font-size:11px}
b.title{font-size:12px}.legend{font-size:10px;white-space:nowrap}.n{display:inline-block;margin:6px 18px 0 0}.n b{font-size:26px;display:block;font-weight:400}
table{border-collapse:collapse;width:100%}td,th{text-align:left;border-bottom:1px solid #eaeded;padding:2px 6px}.a{display:inline-block;border:1px solid #aab7b8;border-left:4px solid #1d8102;padding:1px 6px;margin:2px;font-size:11px}`;

/** A dashboard as a page that looks about as CloudWatch shows it. `nameOf`: of an alarm. */
export function pageHtml(widgets: readonly Widget[], nameOf: (alarm: string) => string): string {
  const height = Math.max(...widgets.map(({ y, height: rows }) => y + rows)) * ROW;
  return `<!doctype html><meta charset="utf-8"><title>Dashboard</title><style>${STYLE}body{width:${24 * COLUMN}px;height:${height}px}</style>
${widgets.map((widget) => widgetHtml(widget, nameOf)).join('\n')}`;
}

export const pageSize = (
  widgets: readonly Widget[],
): { readonly width: number; readonly height: number } => ({
  width: 24 * COLUMN,
  height: Math.max(...widgets.map(({ y, height }) => y + height)) * ROW,
});

function widgetHtml(widget: Widget, nameOf: (alarm: string) => string): string {
  const { type, x, y, width, height, properties } = widget;
  const box = `left:${x * COLUMN}px;top:${y * ROW}px;width:${width * COLUMN}px;height:${height * ROW}px`;
  const title =
    properties.title === undefined ? '' : `<b class="title">${escapeHtml(properties.title)}</b>`;
  return `<div class="w" style="${box}"><div class="c${type === 'text' ? ' t' : ''}">${title}${content(widget, nameOf)}</div></div>`;
}

function content(
  { type, width, height, properties }: Widget,
  nameOf: (alarm: string) => string,
): string {
  if (type === 'text') return markdownHtml(properties.markdown ?? '');
  if (type === 'alarm')
    return `<div>${(properties.alarms ?? []).map((alarm) => `<span class="a">${escapeHtml(nameOf(alarm))}</span>`).join('')}</div>`;
  if (type !== 'metric') throw new Error(`a widget of type ${type} cannot be drawn yet`);
  if (properties.view === 'singleValue')
    return numbersHtml(
      linesOf(
        properties.metrics ?? [],
        properties.setPeriodToTimeRange ? THREE_DAYS_SECONDS : undefined,
      ),
    );
  const lines = linesOf(properties.metrics ?? []);
  const { left = {}, right = {} } = properties.yAxis ?? {};
  const svg = chartSvg({
    lines,
    left,
    right,
    stacked: properties.stacked === true,
    annotations: properties.annotations?.horizontal ?? [],
    width: width * COLUMN - 20,
    height: height * ROW - TITLE - 2 * LEGEND - 14,
  });
  const units = [left.label, right.label && `right: ${right.label}`]
    .filter((unit) => unit !== undefined)
    .join(', ');
  return `<div class="legend">${escapeHtml(units)}</div>${svg}<div class="legend">${lines.map(legend).join(' ')}</div>`;
}

const legend = (line: Line, i: number): string =>
  `<span style="color:${colourOf(line, i)}">■</span> ${escapeHtml(line.label)}`;

const numbersHtml = (lines: readonly Line[]): string =>
  `<div>${lines.map((line, i) => `<div class="n"><b>${lastOf(line)}</b>${legend(line, i)}</div>`).join('')}</div>`;

function lastOf({ values }: Line): string {
  const last = values.findLast((value) => value !== undefined);
  return last === undefined ? '--' : short(last);
}

/** As much of Markdown as the dashboard's texts use. */
function markdownHtml(markdown: string): string {
  const inline = (text: string): string =>
    escapeHtml(text)
      .replace(/\*\*(.+?)\*\*/g, '<b>$1</b>')
      .replace(/`(.+?)`/g, '<code>$1</code>')
      .replace(/\[(.+?)\]\((.+?)\)/g, '<a href="$2">$1</a>');
  const rows: string[] = [];
  const html: string[] = [];
  for (const line of markdown.split('\n')) {
    if (/^[: |-]+$/.test(line)) continue;
    const heading = /^(#+) (.*)/.exec(line);
    if (line.includes(' | '))
      rows.push(
        `<tr>${line
          .split(' | ')
          .map((cell) => `<td>${inline(cell)}</td>`)
          .join('')}</tr>`,
      );
    else
      html.push(
        heading
          ? `<h${heading[1]?.length}>${inline(heading[2] ?? '')}</h${heading[1]?.length}>`
          : `<p>${inline(line)}</p>`,
      );
  }
  return `${html.join('')}${rows.length > 0 ? `<table>${rows.join('')}</table>` : ''}`;
}
