import {
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  type KeySchemaElement,
  type TableDescription,
} from '@aws-sdk/client-dynamodb';
import { STATE_KEYS } from '../../../core/state/publisher-state';
import {
  INDEX_NAMES,
  type IndexName,
  indexProblem,
  tableKeyProblem,
} from '../../../core/transactions/table-schema';
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
    const { Table = {} } = await (await examination.dynamodb()).send(
      new DescribeTableCommand({ TableName: name }),
    );
    const wrongKey = tableKeyProblem(Table);
    const keys =
      wrongKey === undefined
        ? ok(`${Table.TableStatus === 'ACTIVE' ? 'active' : Table.TableStatus}${rowsIn(Table)}`)
        : problem(`it is not a transaction table: ${wrongKey}`, 'name the right stack or table');
    const status = isUsable(Table.TableStatus)
      ? keys
      : problem(`it is ${Table.TableStatus}`, 'wait until it is active, or restore it');
    const findings: Finding[] = [status, { ...judgeIndexes(Table), what: 'Indexes' }];
    if ((await examination.installation()).kind === 'local') return findings;
    return [
      ...findings,
      {
        ...together(await backups(examination, name), judgeProtection(Table)),
        what: 'Safety of the rows',
      },
    ];
  },
};

/** DynamoDB counts every six hours, so that a table with its first rows has none by its count. */
const rowsIn = ({ ItemCount = 0 }: TableDescription): string =>
  ItemCount === 0 ? '' : `, ${ItemCount} rows when DynamoDB last counted them`;

export const judgeIndexes = (table: TableDescription): Finding =>
  together(...INDEX_NAMES.map((name) => judgeIndex(name, table)));

function judgeIndex(name: IndexName, table: TableDescription): Finding {
  const wrong = indexProblem(name, table);
  // An index keeps its keys and its projection for life.
  if (wrong !== undefined)
    return problem(
      wrong,
      'delete the index if it exists, and create it as docs/rows.md describes it',
    );
  const index = table.GlobalSecondaryIndexes?.find(({ IndexName }) => IndexName === name);
  if (index?.Backfilling === true)
    return warning(`${name} is being filled`, 'queries miss rows until that has ended');
  // An emulator may leave it out.
  return isUsable(index?.IndexStatus ?? 'ACTIVE')
    ? ok(name)
    : warning(`${name} is ${index?.IndexStatus}`, 'check again in some minutes');
}

/** An update does not keep a table from working. */
const isUsable = (status: string | undefined): boolean =>
  status === 'ACTIVE' || status === 'UPDATING';

const isSchema = (
  schema: readonly KeySchemaElement[] | undefined,
  keys: readonly string[],
): boolean => (schema ?? []).map(({ AttributeName }) => AttributeName).join() === keys.join();

async function backups(examination: Examination, TableName: string): Promise<Finding> {
  try {
    const { ContinuousBackupsDescription } = await (await examination.dynamodb()).send(
      new DescribeContinuousBackupsCommand({ TableName }),
    );
    const status =
      ContinuousBackupsDescription?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus;
    if (status === 'ENABLED') return ok('point-in-time recovery');
    return warning(
      'no point-in-time recovery: rows that are deleted are gone',
      'enable point-in-time recovery on the table',
    );
  } catch (error) {
    return troubleOf(error, { permissions: [BACKUP_PERMISSION] }, 'the backups');
  }
}

function judgeProtection({
  DeletionProtectionEnabled,
  StreamSpecification,
}: TableDescription): Finding {
  return together(
    DeletionProtectionEnabled === true
      ? ok('deletion protection')
      : warning(
          'no deletion protection',
          'for a table that is not there for tests, set removalPolicy to RETAIN, or deletionProtection',
        ),
    StreamSpecification?.StreamEnabled === true
      ? ok('a stream')
      : warning(
          'no stream, so nothing behind the table hears of new rows',
          'enable a stream with new and old images',
        ),
  );
}

export const stateTable: Check = {
  area: 'Tables',
  name: 'State table',
  permissions: ['dynamodb:DescribeTable'],
  run: async (examination) => {
    const TableName = await examination.resource('stateTableName', 'StateTableName');
    const { Table = {} } = await (await examination.dynamodb()).send(
      new DescribeTableCommand({ TableName }),
    );
    if (!isSchema(Table.KeySchema, Object.values(STATE_KEYS)))
      return problem('its keys are not those of a state table', 'deploy again');
    return isUsable(Table.TableStatus)
      ? ok('active')
      : problem(`it is ${Table.TableStatus}`, 'wait until it is active, or deploy again');
  },
};
