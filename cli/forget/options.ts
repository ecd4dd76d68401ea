import type { CommandContext } from '../command';
import type { DlqOptions } from '../dlq/reading';

export interface ForgetOptions extends DlqOptions {
  readonly member: string;
  readonly sid?: string;
}

export type ForgetContext = CommandContext<ForgetOptions>;
