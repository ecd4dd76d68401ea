import type { AddCommand } from '../command';
import { addBalances } from './balances';
import { addConfirmed, addReversed } from './changes';
import { addClicks } from './clicks';
import { addDlq } from './dlq';
import { addDoctor } from './doctor';
import { addExport } from './export';
import { addForget } from './forget';
import { addOrders } from './orders';
import { addQuery } from './query';
import { addReconcile } from './reconcile';
import { addRecovered } from './recovered';
import { addDisable, addEnable, addRegister, addTest, addUnregister } from './registration';
import { addReview } from './review';
import { addRotateSecret } from './rotate-secret';
import { addStatus } from './status';
import { addTail } from './tail';
import { addTotals } from './totals';
import { addWatch } from './watch';

/**
 * Every command, in the order of the help. A new command is a file in this folder with a function
 * that adds it:
 *
 *     export const addStatus: AddCommand = (program, cli) => {
 *       program.command('status').description('…').action(cli.action<StatusOptions>(async (context) => {
 *         const queue = requireResource(await context.installation(), 'queueUrl');
 *         …
 *         return EXIT.found;
 *       }));
 *     };
 */
export const COMMANDS: readonly AddCommand[] = [
  addQuery,
  addOrders,
  addBalances,
  addTotals,
  addConfirmed,
  addReversed,
  addReview,
  addRecovered,
  addClicks,
  addExport,
  addTail,
  addReconcile,
  addStatus,
  addTest,
  addEnable,
  addDisable,
  addRegister,
  addUnregister,
  addRotateSecret,
  addWatch,
  addDlq,
  addForget,
  addDoctor,
];
