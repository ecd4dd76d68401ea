import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { AlarmKind } from '../alarm-kind';
import type { Alarms } from '../alarms';

/** Columns of a dashboard. */
export const WIDTH = 24;
const HEIGHT = 6;
const NUMBERS_HEIGHT = 3;

export const { GREEN, RED, ORANGE, BLUE, GREY, PURPLE, BROWN, PINK } = cloudwatch.Color;

/** A metric with its colour. */
export const coloured = (
  metric: cloudwatch.Metric,
  color: string,
  label?: string,
): cloudwatch.Metric => metric.with({ color, ...(label === undefined ? {} : { label }) });

export interface GraphOptions {
  readonly title: string;
  readonly width: number;
  readonly left: readonly cloudwatch.IMetric[];
  readonly right?: readonly cloudwatch.IMetric[];
  /** What the axes count. */
  readonly leftUnit?: string;
  readonly rightUnit?: string;
  readonly max?: number;
  readonly stacked?: boolean;
  readonly lines?: readonly (cloudwatch.HorizontalAnnotation | undefined)[];
  readonly view?: cloudwatch.GraphWidgetView;
}

export function graph({
  left,
  right,
  leftUnit,
  rightUnit,
  max,
  lines = [],
  ...options
}: GraphOptions): cloudwatch.GraphWidget {
  return new cloudwatch.GraphWidget({
    ...options,
    height: HEIGHT,
    left: [...left],
    right: [...(right ?? [])],
    leftYAxis: { min: 0, max, label: leftUnit, showUnits: false },
    rightYAxis: right && { min: 0, label: rightUnit, showUnits: false },
    leftAnnotations: lines.filter((line) => line !== undefined),
  });
}

/** The line on a graph from which on an alarm goes off; nothing where the alarm is not there. */
export function alarmLine(
  alarms: Alarms,
  kind: AlarmKind,
  label = 'alarm',
): cloudwatch.HorizontalAnnotation | undefined {
  const value = alarms.thresholdOf(kind);
  return value === undefined ? undefined : { value, label, color: RED };
}

/** Sums over the time that the dashboard shows. */
export const totals = (
  title: string,
  width: number,
  metrics: readonly cloudwatch.IMetric[],
): cloudwatch.SingleValueWidget =>
  new cloudwatch.SingleValueWidget({
    title,
    width,
    height: NUMBERS_HEIGHT,
    metrics: [...metrics],
    setPeriodToTimeRange: true,
  });

/** The last value of each. */
export const latest = (
  title: string,
  width: number,
  metrics: readonly cloudwatch.IMetric[],
): cloudwatch.SingleValueWidget =>
  new cloudwatch.SingleValueWidget({ title, width, height: NUMBERS_HEIGHT, metrics: [...metrics] });

/** A heading that asks a question, and what to look for below it. */
export const question = (asked: string, answer: string): cloudwatch.TextWidget =>
  text(`## ${asked}\n${answer}`, WIDTH, 2);

export const text = (markdown: string, width: number, height: number): cloudwatch.TextWidget =>
  new cloudwatch.TextWidget({
    markdown,
    width,
    height,
    background: cloudwatch.TextWidgetBackground.TRANSPARENT,
  });
