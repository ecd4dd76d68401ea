import {
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  type GlobalSecondaryIndexDescription,
  type KeySchemaElement,
  type TableDescription,
} from '@aws-sdk/client-dynamodb';
import { INDEX_KEYS, TABLE_KEYS } from '../../../core/store/keys';
import { STATE_KEYS } from '../../../core/store/publisher-state';
import type { Examination } from '../examination';
import { type Check, type Finding, ok, problem, together, warning } from '../finding';
import { troubleOf } from '../trouble';

const BACKUP_PERMISSION = 'dynamodb:DescribeContinuousBackups';

export const transactionTable: Check = {
  area: 'Tables',
  name: 'Transaction table',
  permissions: ['dynamodb:DescribeTable'],
  run: async (examination) => {
    const { tableName } = (await examination.installation()).resources;
    const name = tableName ?? '';
    const { Table = {} } = await (await examination.dynamodb()).send(new DescribeTableCommand({ TableName: name }));
    const keys = isSchema(Table.KeySchema, Object.values(TABLE_KEYS))
      ? ok(`${Table.TableStatus === 'ACTIVE' ? 'active' : Table.TableStatus}${rowsIn(Table)}`)
      : problem('its keys are not those of a transaction table', 'name the right stack or table');
    const status = isUsable(Table.TableStatus) ? keys : problem(`it is ${Table.TableStatus}`, 'wait until it is active, or restore it');
    const findings: Finding[] = [status, { ...judgeIndexes(Table), what: 'Indexes' }];
    if ((await examination.installation()).kind === 'local') return findings;
    return [...findings, { ...together(await backups(examination, name), judgeProtection(Table)), what: 'Safety of the rows' }];
  },
};

/** DynamoDB counts every six hours, so that a table with its first rows has none by its count. */
const rowsIn = ({ ItemCount = 0 }: TableDescription): string =>
  ItemCount === 0 ? '' : `, ${ItemCount} rows when DynamoDB last counted them`;

export function judgeIndexes({ GlobalSecondaryIndexes = [] }: TableDescription): Finding {
  return together(
    ...Object.entries(INDEX_KEYS).map(([name, { partition, sort }]) =>
      judgeIndex(
        name,
        sort === undefined ? [partition] : [partition, sort],
        GlobalSecondaryIndexes.find(({ IndexName }) => IndexName === name),
      ),
    ),
  );
}

function judgeIndex(name: string, keys: readonly string[], index: GlobalSecondaryIndexDescription | undefined): Finding {
  if (index === undefined) return problem(`${name} is missing`, 'deploy again, or make it as docs/rows.md describes it');
  if (!isSchema(index.KeySchema, keys))
    return problem(`${name} has other keys than ${keys.join(' and ')}`, 'make it anew, as docs/rows.md describes it');
  if (index.Backfilling === true) return warning(`${name} is being filled`, 'queries miss rows until that has ended');
  // An emulator may leave it out.
  return isUsable(index.IndexStatus ?? 'ACTIVE') ? ok(name) : warning(`${name} is ${index.IndexStatus}`, 'look again in some minutes');
}

/** An update does not keep a table from working. */
const isUsable = (status: string | undefined): boolean => status === 'ACTIVE' || status === 'UPDATING';

const isSchema = (schema: readonly KeySchemaElement[] | undefined, keys: readonly string[]): boolean =>
  (schema ?? []).map(({ AttributeName }) => AttributeName).join() === keys.join();

async function backups(examination: Examination, TableName: string): Promise<Finding> {
  try {
    const { ContinuousBackupsDescription } = await (await examination.dynamodb()).send(new DescribeContinuousBackupsCommand({ TableName }));
    const status = ContinuousBackupsDescription?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus;
    if (status === 'ENABLED') return ok('point-in-time recovery');
    return warning('no point-in-time recovery: rows that are deleted are gone', 'enable point-in-time recovery on the table');
  } catch (error) {
    return troubleOf(error, { permissions: [BACKUP_PERMISSION] }, 'the backups');
  }
}

function judgeProtection({ DeletionProtectionEnabled, StreamSpecification }: TableDescription): Finding {
  return together(
    DeletionProtectionEnabled === true
      ? ok('deletion protection')
      : warning('no deletion protection', 'for a table that is not there for tests, set removalPolicy to RETAIN, or deletionProtection'),
    StreamSpecification?.StreamEnabled === true
      ? ok('a stream')
      : warning('no stream, so nothing behind the table hears of new rows', 'enable a stream with new and old images'),
  );
}

export const stateTable: Check = {
  area: 'Tables',
  name: 'State table',
  permissions: ['dynamodb:DescribeTable'],
  run: async (examination) => {
    const TableName = await examination.resource('stateTableName', 'StateTableName');
    const { Table = {} } = await (await examination.dynamodb()).send(new DescribeTableCommand({ TableName }));
    if (!isSchema(Table.KeySchema, Object.values(STATE_KEYS))) return problem('its keys are not those of a state table', 'deploy again');
    return isUsable(Table.TableStatus) ? ok('active') : problem(`it is ${Table.TableStatus}`, 'wait until it is active, or deploy again');
  },
};
