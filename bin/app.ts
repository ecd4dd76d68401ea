/**
 * The app that `cdk deploy` runs: one stack with one RakutenPostback, set by context (`-c
 * name=value`) or environment (`RAKUTEN_…`).
 */
import { Annotations, App, Stack } from 'aws-cdk-lib';
import { PostbackStack } from './postback-stack';
import { type AppSettings, appSettings, SettingError } from './settings';

const STACK_ID = 'RakutenPostback';

const app = new App();
const settings = readSettings();
if (settings instanceof SettingError) {
  // An annotation rather than an exception: `cdk bootstrap`, which needs no settings, runs this app
  // too, and only a synthesis or deployment fails.
  Annotations.of(new Stack(app, STACK_ID)).addError(settings.message);
} else {
  new PostbackStack(app, STACK_ID, settings);
}

function readSettings(): AppSettings | SettingError {
  try {
    return appSettings((name) => app.node.tryGetContext(name) as unknown, process.env);
  } catch (error) {
    if (error instanceof SettingError) return error;
    throw error;
  }
}
