import { AttributeType, ProjectionType, StreamViewType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { INDEX_KEYS, TABLE_KEYS } from '../../../core/transactions/keys';
import { TransactionTarget } from '../../../lib';
import { withPostback } from '../../support/stacks';

/**
 * The class from a second copy of the module, as an app has it whose dependencies bring their own
 * aws-cdk-lib.
 */
function copyOfTable(): typeof Table {
  let copied: typeof Table | undefined;
  jest.isolateModules(() => {
    copied = require('aws-cdk-lib/aws-dynamodb').Table;
  });
  return copied as typeof Table;
}

it.each([
  [StreamViewType.KEYS_ONLY, 'has the view type KEYS_ONLY, which does not show what changed'],
  [undefined, 'the table has no stream that the app knows of'],
])(
  'a table of a second copy of aws-cdk-lib whose stream is %s is rejected as the target of onTransaction needs another',
  (stream, problem) => {
    const CopiedTable = copyOfTable();
    expect(CopiedTable).not.toBe(Table);
    const key = (name: string) => ({ name, type: AttributeType.STRING });
    const { stack, postback } = withPostback((scope) => {
      const table = new CopiedTable(scope, 'Own', {
        partitionKey: key(TABLE_KEYS.partition),
        sortKey: key(TABLE_KEYS.sort),
        stream,
      });
      for (const [indexName, { partition, sort }] of Object.entries(INDEX_KEYS)) {
        table.addGlobalSecondaryIndex({
          indexName,
          partitionKey: key(partition),
          sortKey: key(sort),
          projectionType: ProjectionType.ALL,
        });
      }
      return { table };
    });
    expect(() =>
      postback.onTransaction('Queue', TransactionTarget.queue(new Queue(stack, 'Queue'))),
    ).toThrow(problem);
  },
);
