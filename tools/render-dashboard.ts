/**
 * Draws the dashboard of the app's own template with made-up values, to be looked at without an AWS
 * account. Writes a page; with a browser (Chromium or Chrome) a picture too.
 *
 *     node tools/run.mjs render-dashboard --html dashboard.html [--browser /usr/bin/chromium --png dashboard.png]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { synthesize } from '../local/template/assembly';
import { pageHtml, pageSize, type Widget } from './dashboard/page';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      html: { type: 'string', default: 'dashboard.html' },
      browser: { type: 'string' },
      png: { type: 'string', default: 'dashboard.png' },
    },
  });
  const folder = mkdtempSync(join(tmpdir(), 'postback-dashboard-'));
  try {
    const widgets = await dashboardWidgets(folder);
    writeFileSync(values.html, pageHtml(widgets, alarmName));
    console.log(`wrote ${values.html}: ${widgets.length} widgets`);
    if (values.browser === undefined) return;
    photograph(values.browser, folder, values.html, values.png, pageSize(widgets));
    console.log(`wrote ${values.png}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function dashboardWidgets(folder: string): Promise<Widget[]> {
  const { template } = await synthesize(folder, {
    sid: '3900112',
    credentialsSecretName: 'rakuten/api',
  });
  const dashboard = Object.values(template.Resources).find(
    ({ Type }) => Type === 'AWS::CloudWatch::Dashboard',
  );
  if (dashboard === undefined) throw new Error('the template has no dashboard');
  return (JSON.parse(textOf(dashboard.Properties?.DashboardBody)) as { widgets: Widget[] }).widgets;
}

/** A text with references, where each stands as the logical id of what it refers to. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[intrinsic, argument] = []] = Object.entries(value as Record<string, unknown>);
  if (intrinsic === 'Fn::Join')
    return ((argument as [string, unknown[]])[1] ?? []).map(textOf).join('');
  if (intrinsic === 'Fn::GetAtt') return String((argument as string[])[0]);
  if (intrinsic === 'Ref')
    return argument === 'AWS::URLSuffix'
      ? 'amazonaws.com'
      : argument === 'AWS::Region'
        ? 'us-east-1'
        : String(argument);
  throw new Error(`${intrinsic} cannot be read yet`);
}

const alarmName = (logicalId: string): string =>
  logicalId.replace(/^.*Alarms/, '').replace(/[0-9A-F]{8}$/, '');

function photograph(
  browser: string,
  folder: string,
  html: string,
  png: string,
  { width, height }: { width: number; height: number },
): void {
  const flags = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
  ];
  const more = [
    '--disable-component-update',
    '--disable-sync',
    '--hide-scrollbars',
    `--user-data-dir=${join(folder, 'browser')}`,
  ];
  const picture = [
    `--window-size=${width},${height}`,
    `--screenshot=${resolve(png)}`,
    pathToFileURL(resolve(html)).href,
  ];
  execFileSync(browser, [...flags, ...more, ...picture], {
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 60_000,
  });
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
