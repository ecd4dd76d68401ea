import { Duration, type Stack } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import {
  AttributeType,
  type ITable,
  StreamViewType,
  Table,
  TableEncryptionV2,
  TableV2,
} from 'aws-cdk-lib/aws-dynamodb';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { DefinitionBody, Pass, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { ARCHIVE_COLUMNS } from '../../../core/archive/archive-record';
import { ENVIRONMENT } from '../../../core/names';
import {
  type ArchiveOptions,
  TransactionChange,
  type TransactionFilter,
  TransactionKind,
  type TransactionOptions,
  TransactionPipe,
  TransactionTarget,
} from '../../../lib';
import { Archive } from '../../../lib/archive';
import { TransactionTable } from '../../../lib/transaction-table';
import { matches } from '../../../tools/event-ruler/event-pattern';
import { permissionsInWords } from '../../support/iam-words';
import { textOf } from '../../support/sources';
import {
  emptyStack,
  Resources,
  type SomeProps,
  type StackOptions,
  withPostback,
} from '../../support/stacks';

const fn = (stack: Stack): LambdaFunction =>
  new LambdaFunction(stack, 'Reader', {
    runtime: Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code: Code.fromInline('exports.handler = 0'),
  });
const machine = (stack: Stack): StateMachine =>
  new StateMachine(stack, 'Machine', {
    definitionBody: DefinitionBody.fromChainable(new Pass(stack, 'Pass')),
  });

const here: StackOptions = { region: 'us-east-1' };

interface Sending {
  readonly target?: (stack: Stack) => TransactionTarget;
  readonly options?: TransactionOptions;
  readonly table?: (stack: Stack) => ITable;
}

/** A table and one pipe. */
function sending({
  target = (stack) => TransactionTarget.queue(new Queue(stack, 'Events')),
  options = {},
  table,
}: Sending = {}): Resources {
  const stack = emptyStack({ region: 'us-east-1' });
  const postback = new Construct(stack, 'Postback');
  new TransactionPipe(postback, 'TransactionsLedger', {
    table: table?.(stack) ?? new TransactionTable(postback, 'TransactionTable').table,
    target: target(stack),
    service: 'Postback',
    ...options,
  });
  return new Resources(stack);
}

const pipeOf = (resources: Resources) =>
  resources.at('Postback/TransactionsLedger/Pipe').Properties;
const failing = (given: Sending) => () => sending(given);
const rightsOf = (resources: Resources, role: string): string[] =>
  permissionsInWords(resources.template, 'Stack/Postback')
    .filter((words) => words.startsWith(`${role} may`))
    .map((words) => words.replace(`${role} may `, ''));

describe('onTransaction', () => {
  let queued: Resources;
  beforeAll(() => {
    queued = sending();
  });

  it("reads the table's stream from its oldest record, and sends what it discards to a dead-letter queue", () => {
    const dlq = queued.at('Postback/TransactionsLedger/DeadLetterQueue');
    expect(pipeOf(queued)).toMatchObject({
      DesiredState: 'RUNNING',
      Source: {
        'Fn::GetAtt': [queued.at('Postback/TransactionTable/Table').logicalId, 'StreamArn'],
      },
      SourceParameters: {
        DynamoDBStreamParameters: {
          StartingPosition: 'TRIM_HORIZON',
          BatchSize: 10,
          ParallelizationFactor: 1,
          MaximumRetryAttempts: -1,
          MaximumRecordAgeInSeconds: 43_200,
          OnPartialBatchItemFailure: 'AUTOMATIC_BISECT',
          DeadLetterConfig: { Arn: { 'Fn::GetAtt': [dlq.logicalId, 'Arn'] } },
        },
      },
      Enrichment: {
        'Fn::GetAtt': [queued.at('Postback/TransactionsLedger/Function').logicalId, 'Arn'],
      },
      Target: { 'Fn::GetAtt': [queued.at('Events').logicalId, 'Arn'] },
      LogConfiguration: { Level: 'ERROR' },
    });
    expect(pipeOf(queued).LogConfiguration.IncludeExecutionData).toBeUndefined();
    expect(dlq.Properties).toMatchObject({
      MessageRetentionPeriod: 1_209_600,
      SqsManagedSseEnabled: true,
    });
  });

  it('has permissions for its stream, function and target alone; its function can only write its log', () => {
    expect(rightsOf(queued, 'TransactionsLedger/Role')).toEqual([
      'dynamodb:DescribeStream, dynamodb:GetRecords, dynamodb:GetShardIterator, dynamodb:ListStreams on TransactionTable/Table',
      'lambda:InvokeFunction on TransactionsLedger/Function',
      'logs:CreateLogStream, logs:PutLogEvents on TransactionsLedger/Logs',
      'sqs:SendMessage on Stack/Events',
      'sqs:SendMessage on TransactionsLedger/DeadLetterQueue',
    ]);
    expect(rightsOf(queued, 'TransactionsLedger/FunctionRole')).toEqual([
      'logs:CreateLogStream, logs:PutLogEvents on TransactionsLedger/FunctionLogs',
    ]);
    const [trust] = queued.at('Postback/TransactionsLedger/Role').Properties
      .AssumeRolePolicyDocument.Statement;
    expect(trust.Condition).toEqual({
      StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
    });
  });

  it('is created after its permissions, which a pipe checks when it is created', () => {
    expect(queued.dependenciesOf('Postback/TransactionsLedger/Pipe')).toContain(
      'Postback/TransactionsLedger/Role/DefaultPolicy',
    );
  });

  it('sends new and changed lines by default, and rejects deleted rows and rows without a line in the pipe', () => {
    const { Filters } = pipeOf(queued).SourceParameters.FilterCriteria;
    expect(Filters.map(({ Pattern }: { Pattern: string }) => JSON.parse(Pattern))).toEqual([
      {
        eventName: ['INSERT', 'MODIFY'],
        dynamodb: { NewImage: { received_at: { S: [{ exists: true }] } } },
      },
    ]);
    const { Variables } = queued.at('Postback/TransactionsLedger/Function').Properties.Environment;
    expect(JSON.parse(Variables[ENVIRONMENT.transactionFilter])).toEqual({
      reasons: ['new', 'changed'],
    });
  });

  it.each<[string, TransactionFilter, object]>([
    [
      'verifiedOnly',
      { verifiedOnly: true },
      { reasons: ['new', 'changed', 'verified', 'withdrawn'], verifiedOnly: true },
    ],
    [
      'all at once',
      {
        changes: [TransactionChange.NEW_LINE],
        kinds: [TransactionKind.SALE, TransactionKind.RETURN],
        sids: ['3900112'],
        advertiserIds: ['39001'],
      },
      { reasons: ['new'], kinds: ['sale', 'return'], sids: ['3900112'], advertiserIds: ['39001'] },
    ],
  ])('gives the function and the pipe the same filter: %s', (_, filter, expected) => {
    const resources = sending({ options: { filter } });
    const { Variables } = resources.at('Postback/TransactionsLedger/Function').Properties
      .Environment;
    expect(JSON.parse(Variables[ENVIRONMENT.transactionFilter])).toEqual(expected);
    const filters: { Pattern: string }[] =
      pipeOf(resources).SourceParameters.FilterCriteria.Filters;
    const row = {
      received_at: { S: 'now' },
      verified_at: { S: 'now' },
      line_id: { S: '3900112#A1' },
      advertiser_id: { S: '39001' },
      is_event: { S: 'N' },
    };
    const passes = (image: object): boolean =>
      filters.some(({ Pattern }) =>
        matches(JSON.parse(Pattern), { eventName: 'INSERT', dynamodb: { NewImage: image } }),
      );
    expect(passes(row)).toBe(true);
    expect(
      passes(
        'kinds' in filter
          ? { ...row, line_id: { S: '39001123#A1' } }
          : { ...row, verified_at: undefined },
      ),
    ).toBe(false);
  });

  it.each<[string, (stack: Stack) => TransactionTarget, object, object, string]>([
    [
      'a FIFO queue, grouped by line',
      (stack) => TransactionTarget.queue(new Queue(stack, 'Target', { fifo: true })),
      { SqsQueueParameters: { MessageGroupId: '$.group', MessageDeduplicationId: '$.eventID' } },
      { BatchSize: 10, MaximumRetryAttempts: -1 },
      'sqs:SendMessage on Stack/Target',
    ],
    [
      'an event bus',
      (stack) => TransactionTarget.eventBus(new EventBus(stack, 'Target')),
      {
        EventBridgeEventBusParameters: {
          Source: 'cdk-rakuten-postback',
          DetailType: 'Rakuten Transaction',
        },
      },
      { BatchSize: 10, MaximumRetryAttempts: -1 },
      'events:PutEvents on Stack/Target',
    ],
    [
      'a function, and waits for its result',
      (stack) => TransactionTarget.function(fn(stack)),
      { LambdaFunctionParameters: { InvocationType: 'REQUEST_RESPONSE' } },
      { BatchSize: 10, MaximumRetryAttempts: 20 },
      'lambda:InvokeFunction on Stack/Reader',
    ],
    [
      'a state machine',
      (stack) => TransactionTarget.stateMachine(machine(stack)),
      { StepFunctionStateMachineParameters: { InvocationType: 'FIRE_AND_FORGET' } },
      { BatchSize: 1, MaximumRetryAttempts: 20 },
      'states:StartExecution on Stack/Machine',
    ],
  ])('sends to %s', (_, target, parameters, source, right) => {
    const resources = sending({ target });
    expect(pipeOf(resources).TargetParameters).toEqual(parameters);
    expect(pipeOf(resources).SourceParameters.DynamoDBStreamParameters).toMatchObject(source);
    expect(rightsOf(resources, 'TransactionsLedger/Role')).toContain(right);
  });

  it('passes its options to the pipe', () => {
    const options: TransactionOptions = {
      batchSize: 3,
      batchWindow: Duration.seconds(20),
      parallelization: 4,
      retryAttempts: 7,
      maxEventAge: Duration.hours(1),
      enabled: false,
    };
    expect(pipeOf(sending({ options }))).toMatchObject({
      DesiredState: 'STOPPED',
      SourceParameters: {
        DynamoDBStreamParameters: {
          BatchSize: 3,
          MaximumBatchingWindowInSeconds: 20,
          ParallelizationFactor: 4,
          MaximumRetryAttempts: 7,
          MaximumRecordAgeInSeconds: 3600,
        },
      },
    });
  });

  it.each<[string, Sending, RegExp]>([
    [
      'a batch that SQS does not accept',
      { options: { batchSize: 11 } },
      /TransactionsLedger: batchSize is 11; give a whole number from 1 to 10/,
    ],
    [
      'a window of minutes',
      { options: { batchWindow: Duration.minutes(6) } },
      /batchWindow is 6 minutes; give 0 seconds to 5 minutes/,
    ],
    [
      'an age beyond what the stream keeps',
      { options: { maxEventAge: Duration.hours(25) } },
      /maxEventAge is 1 day 1 hour; give 1 minute to 1 day/,
    ],
    [
      'too many concurrent batches',
      { options: { parallelization: 11 } },
      /parallelization is 11; give a whole number from 1 to 10/,
    ],
    [
      'a filter that matches nothing',
      { options: { filter: { kinds: [] } } },
      /filter\.kinds is empty.*omit it/,
    ],
    [
      'a filter with an invalid publisher ID',
      { options: { filter: { sids: ['shop'] } } },
      /filter\.sids has 'shop'; publisher IDs are whole numbers/,
    ],
    [
      'a filter that is too long',
      { options: { filter: { advertiserIds: Array.from({ length: 700 }, (_, i) => String(i)) } } },
      /more than 3000 characters.*filter in the target/,
    ],
    [
      'a filter whose pattern is too long',
      {
        options: { filter: { sids: Array.from({ length: 150 }, (_, i) => String(3_900_000 + i)) } },
      },
      /more than 3000 characters.*filter in the target/,
    ],
    [
      'an imported table without a stream',
      { table: (stack) => TableV2.fromTableName(stack, 'Imported', 'transactions') },
      /the table has no stream that the app knows of.*NEW_AND_OLD_IMAGES.*tableStreamArn/,
    ],
    [
      'a table of the app without a stream',
      { table: (stack) => tableOf(stack) },
      /the table has no stream that the app knows of/,
    ],
    [
      'a stream that does not show what changed',
      { table: (stack) => tableOf(stack, StreamViewType.NEW_IMAGE) },
      /the view type NEW_IMAGE, which does not show what changed; give it NEW_AND_OLD_IMAGES/,
    ],
  ])('rejects %s', (_, given, message) => {
    expect(failing(given)).toThrow(message);
  });

  function tableOf(stack: Stack, stream?: StreamViewType): Table {
    return new Table(stack, 'Own', {
      partitionKey: { name: 'line_id', type: AttributeType.STRING },
      stream,
    });
  }

  it('accepts an imported table with its stream', () => {
    const tableArn = 'arn:aws:dynamodb:us-east-1:111122223333:table/transactions';
    const tableStreamArn = `${tableArn}/stream/2026-03-01T00:00:00.000`;
    const resources = sending({
      table: (stack) =>
        TableV2.fromTableAttributes(stack, 'Imported', { tableArn, tableStreamArn }),
    });
    expect(pipeOf(resources).Source).toBe(tableStreamArn);
  });

  it('accepts two targets, and suggests an event bus instead of a third', () => {
    const { stack, postback } = withPostback();
    const target = (id: string): TransactionTarget => TransactionTarget.queue(new Queue(stack, id));
    postback.onTransaction('One', target('1'));
    postback.onTransaction('Two', target('2'));
    expect(() => postback.onTransaction('Three', target('3'))).toThrow(
      /room for 2 readers.*event bus/,
    );
  });
});

/** The functions that write rows. */
const WRITERS = ['Consumer', 'Reconciliation'];

/** A whole installation with all of these options, and one without any. */
let everything: Resources;
let plain: Resources;
beforeAll(() => {
  const { stack, postback } = withPostback(
    (s) => ({
      encryptionKey: new Key(s, 'Key'),
      preliminaryExpiry: Duration.days(90),
      archive: {},
    }),
    here,
  );
  postback.onTransaction('Ledger', TransactionTarget.queue(new Queue(stack, 'Events')));
  everything = new Resources(stack);
  plain = new Resources(withPostback({}, here).stack);
});

describe('encryptionKey', () => {
  const encryptionKey = (stack: Stack): Key => new Key(stack, 'Key');

  it('encrypts the rows, the state and the queues, and grants its use to their readers and writers', () => {
    const resources = everything;
    const key = { 'Fn::GetAtt': [resources.at('Key').logicalId, 'Arn'] };
    for (const table of ['TransactionTable', 'StateTable']) {
      const { Replicas, SSESpecification } = resources.at(`Postback/${table}/Table`).Properties;
      expect(SSESpecification).toEqual({ SSEEnabled: true, SSEType: 'KMS' });
      expect(Replicas[0].SSESpecification).toEqual({ KMSMasterKeyId: key });
    }
    for (const queue of [
      'PostbackQueue/Queue',
      'PostbackQueue/DeadLetterQueue',
      'TransactionsLedger/DeadLetterQueue',
    ]) {
      expect(resources.at(`Postback/${queue}`).Properties).toMatchObject({
        KmsMasterKeyId: key,
        KmsDataKeyReusePeriodSeconds: 86_400,
      });
    }
    const rights = permissionsInWords(resources.template, 'Stack/Postback').filter((words) =>
      words.includes('on Stack/Key'),
    );
    expect(rights).toEqual([
      'Archive/Role may kms:Decrypt, kms:GenerateDataKey on Stack/Key',
      'Consumer/FunctionRole may kms:Decrypt on Stack/Key',
      'Consumer/FunctionRole may kms:Decrypt, kms:Encrypt, kms:GenerateDataKey*, kms:ReEncrypt* on Stack/Key',
      'IngestionApi/SendRole may kms:Decrypt, kms:GenerateDataKey on Stack/Key',
      'Reconciliation/FunctionRole may kms:Decrypt, kms:Encrypt, kms:GenerateDataKey*, kms:ReEncrypt* on Stack/Key',
      'RegistrationProvider/FunctionRole may kms:Decrypt, kms:Encrypt, kms:GenerateDataKey*, kms:ReEncrypt* on Stack/Key',
      'StatusWatch/FunctionRole may kms:Decrypt, kms:Encrypt, kms:GenerateDataKey*, kms:ReEncrypt* on Stack/Key',
      'TransactionsLedger/Role may kms:Decrypt on Stack/Key',
      'TransactionsLedger/Role may kms:Decrypt, kms:GenerateDataKey on Stack/Key',
    ]);
  });

  it('keeps tables and queues the same resources, like the other options', () => {
    const ids = (resources: Resources): string[] =>
      [...resources.of('AWS::DynamoDB::GlobalTable'), ...resources.of('AWS::SQS::Queue')].map(
        ({ logicalId }) => logicalId,
      );
    expect(ids(everything)).toEqual(expect.arrayContaining(ids(plain)));
  });

  it('can be the key of a target queue', () => {
    const resources = sending({
      target: (stack) =>
        TransactionTarget.queue(
          new Queue(stack, 'Events', { encryptionMasterKey: encryptionKey(stack) }),
        ),
    });
    expect(rightsOf(resources, 'TransactionsLedger/Role')).toContain(
      'kms:Decrypt, kms:GenerateDataKey on Stack/Key',
    );
  });

  it('is the key of an imported table, which decrypts its stream', () => {
    const resources = sending({
      table: (stack) =>
        new TableV2(stack, 'Own', {
          partitionKey: { name: 'line_id', type: AttributeType.STRING },
          dynamoStream: StreamViewType.NEW_AND_OLD_IMAGES,
          encryption: TableEncryptionV2.customerManagedKey(encryptionKey(stack)),
        }),
    });
    expect(rightsOf(resources, 'TransactionsLedger/Role')).toContain('kms:Decrypt on Stack/Key');
  });
});

describe('preliminaryExpiry', () => {
  it("enables the table's time to live, and is passed to the functions that write rows", () => {
    expect(
      plain.at('Postback/TransactionTable/Table').Properties.TimeToLiveSpecification,
    ).toBeUndefined();
    const resources = everything;
    expect(
      resources.at('Postback/TransactionTable/Table').Properties.TimeToLiveSpecification,
    ).toEqual({
      AttributeName: 'expires_at',
      Enabled: true,
    });
    for (const writer of WRITERS) {
      const { Variables } = resources.at(`Postback/${writer}/Function`).Properties.Environment;
      expect(Variables[ENVIRONMENT.preliminaryExpiry]).toBe(String(90 * 24 * 60 * 60));
    }
  });

  it('is at least as long as Rakuten returns a line, which would otherwise restore it', () => {
    expect(() => withPostback({ preliminaryExpiry: Duration.days(29) })).toThrow(
      /preliminaryExpiry is 29 days; give 30 days to 3650 days/,
    );
  });

  it('warns that an imported table needs its time to live enabled', () => {
    const { stack } = withPostback((s) => ({
      table: TableV2.fromTableName(s, 'Imported', 'transactions'),
      preliminaryExpiry: Duration.days(90),
    }));
    Annotations.fromStack(stack).hasWarning(
      '/Stack/Postback',
      Match.stringLikeRegexp('time to live for that attribute'),
    );
  });
});

describe('rowExpiry', () => {
  it("enables the table's time to live, and is passed to the functions that write rows", () => {
    const { stack } = withPostback({ rowExpiry: Duration.days(400) });
    const resources = new Resources(stack);
    expect(
      resources.at('Postback/TransactionTable/Table').Properties.TimeToLiveSpecification,
    ).toEqual({
      AttributeName: 'expires_at',
      Enabled: true,
    });
    for (const writer of WRITERS) {
      const { Variables } = resources.at(`Postback/${writer}/Function`).Properties.Environment;
      expect(Variables[ENVIRONMENT.rowExpiry]).toBe(String(400 * 24 * 60 * 60));
    }
  });

  it('is longer than exports of changes look back', () => {
    expect(() => withPostback({ rowExpiry: Duration.days(59) })).toThrow(
      /rowExpiry is 59 days; give 60 days to 3650 days/,
    );
  });

  it('warns that an imported table needs its time to live enabled', () => {
    const { stack } = withPostback((s) => ({
      table: TableV2.fromTableName(s, 'Imported', 'transactions'),
      rowExpiry: Duration.days(400),
    }));
    Annotations.fromStack(stack).hasWarning(
      '/Stack/Postback',
      Match.stringLikeRegexp('rowExpiry writes .* time to live for that attribute'),
    );
  });
});

describe('replicaRegions', () => {
  it('replicates the table with the protection and recovery of the original', () => {
    const stack = emptyStack(here);
    new TransactionTable(new Construct(stack, 'Postback'), 'TransactionTable', {
      replicaRegions: ['us-west-2', 'eu-west-1'],
    });
    const { Replicas, StreamSpecification } = new Resources(stack).at(
      'Postback/TransactionTable/Table',
    ).Properties;
    expect(StreamSpecification).toEqual({ StreamViewType: 'NEW_AND_OLD_IMAGES' });
    expect(Replicas.map(({ Region }: { Region: unknown }) => Region).sort()).toEqual([
      'eu-west-1',
      'us-east-1',
      'us-west-2',
    ]);
    for (const replica of Replicas) {
      expect(replica).toMatchObject({
        DeletionProtectionEnabled: true,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      });
    }
  });

  it('accepts a key for each replica', () => {
    const arn = 'arn:aws:kms:us-west-2:111122223333:key/1';
    const stack = emptyStack(here);
    new TransactionTable(new Construct(stack, 'Postback'), 'TransactionTable', {
      encryptionKey: new Key(stack, 'Key'),
      replicaRegions: ['us-west-2'],
      replicaKeyArns: { 'us-west-2': arn },
    });
    const { Replicas } = new Resources(stack).at('Postback/TransactionTable/Table').Properties;
    expect(
      Replicas.find(({ Region }: { Region: unknown }) => Region === 'us-west-2').SSESpecification,
    ).toEqual({ KMSMasterKeyId: arn });
  });

  it.each<[string, SomeProps, StackOptions, RegExp]>([
    [
      'in a stack without a region',
      { replicaRegions: ['us-west-2'] },
      {},
      /replicaRegions needs to know the stack's own region; give the stack one/,
    ],
    [
      'a key in a stack without a region',
      (s) => ({ encryptionKey: new Key(s, 'Key') }),
      {},
      /encryptionKey needs to know the stack's own region/,
    ],
    [
      'the region of the table',
      { replicaRegions: ['us-east-1'] },
      here,
      /replicaRegions has us-east-1, where the table itself is/,
    ],
    [
      'a region twice',
      { replicaRegions: ['us-west-2', 'us-west-2'] },
      here,
      /replicaRegions has us-west-2 twice/,
    ],
    [
      'what is no region',
      { replicaRegions: ['Oregon'] },
      here,
      /replicaRegions has 'Oregon'; give regions such as us-west-2/,
    ],
    [
      'without a key for the copy',
      (s) => ({ encryptionKey: new Key(s, 'Key'), replicaRegions: ['us-west-2'] }),
      here,
      /the copy of the table in us-west-2 needs one too; give its ARN in replicaKeyArns/,
    ],
    [
      'with a key for no copy',
      (s) => ({ encryptionKey: new Key(s, 'Key'), replicaKeyArns: { 'us-west-2': 'arn' } }),
      here,
      /replicaKeyArns has us-west-2, which replicaRegions has not/,
    ],
    [
      'keys of copies alone',
      { replicaKeyArns: { 'us-west-2': 'arn' } },
      here,
      /replicaKeyArns is for a table under a key of your own/,
    ],
    [
      'for a table that is passed in',
      (s) => ({ table: TableV2.fromTableName(s, 'Imported', 't'), replicaRegions: ['us-west-2'] }),
      here,
      /replicaRegions is of the table that is made here/,
    ],
  ])('is refused %s', (_, props, env, message) => {
    expect(() => withPostback(props, env)).toThrow(message);
  });
});

describe('archive', () => {
  const archived = (
    options: ArchiveOptions = {},
    encryptionKey?: (stack: Stack) => Key,
  ): Resources => {
    const stack = emptyStack({ region: 'us-east-1' });
    new Archive(new Construct(stack, 'Postback'), 'Archive', {
      options,
      encryptionKey: encryptionKey?.(stack),
    });
    return new Resources(stack);
  };
  const destinationOf = (resources: Resources) =>
    resources.at('Postback/Archive/Stream').Properties.ExtendedS3DestinationConfiguration;

  it('stores messages by day, compressed, in an encrypted private bucket that is retained', () => {
    const resources = archived();
    expect(destinationOf(resources)).toMatchObject({
      CompressionFormat: 'GZIP',
      Prefix: 'postbacks/day=!{timestamp:yyyy-MM-dd}/',
      ErrorOutputPrefix:
        'postbacks-errors/!{firehose:error-output-type}/day=!{timestamp:yyyy-MM-dd}/',
      FileExtension: '.jsonl.gz',
      BufferingHints: { IntervalInSeconds: 900, SizeInMBs: 64 },
      CloudWatchLoggingOptions: { Enabled: true },
    });
    const bucket = resources.at('Postback/Archive/Bucket');
    expect(bucket).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
    expect(bucket.Properties).toMatchObject({
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          { ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } },
        ],
      },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      LifecycleConfiguration: {
        Rules: [
          {
            Status: 'Enabled',
            Transitions: [{ StorageClass: 'GLACIER_IR', TransitionInDays: 90 }],
            AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
          },
        ],
      },
    });
    expect(permissionsInWords(resources.template, 'Stack/Postback')).toEqual([
      'Archive/Role may logs:PutLogEvents on Archive/Logs',
      'Archive/Role may s3:AbortMultipartUpload, s3:PutObject on Archive/Bucket/postbacks/* and Archive/Bucket/postbacks-errors/*',
      'Archive/Role may s3:GetBucketLocation, s3:ListBucket, s3:ListBucketMultipartUploads on Archive/Bucket',
      'anyone must not s3:* on Archive/Bucket and Archive/Bucket/* if aws:SecureTransport Bool false',
      expect.stringMatching(/^firehose.amazonaws.com may act as Archive.Role if aws:SourceAccount/),
    ]);
  });

  it('is written by the consumer and the reconciliation, which get no other permission', () => {
    const resources = everything;
    for (const writer of WRITERS) {
      const role = `${writer}/FunctionRole`;
      const without = rightsOf(plain, role);
      const more = rightsOf(resources, role).filter(
        (right) => !without.includes(right) && !right.endsWith('Stack/Key'),
      );
      expect(more).toEqual(['firehose:PutRecordBatch on Archive/Stream']);
      const { Variables } = resources.at(`Postback/${writer}/Function`).Properties.Environment;
      expect(Variables[ENVIRONMENT.archiveStreamName]).toEqual({
        Ref: resources.at('Postback/Archive/Stream').logicalId,
      });
    }
    expect(resources.at('Postback/Archive/Bucket').Type).toBe('AWS::S3::Bucket');
  });

  it('uses the encryption key', () => {
    const resources = archived({}, (stack) => new Key(stack, 'Key'));
    const arn = { 'Fn::GetAtt': [resources.at('Key').logicalId, 'Arn'] };
    const { BucketEncryption } = resources.at('Postback/Archive/Bucket').Properties;
    expect(BucketEncryption.ServerSideEncryptionConfiguration).toEqual([
      {
        BucketKeyEnabled: true,
        ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: arn },
      },
    ]);
    expect(
      resources.at('Postback/Archive/Stream').Properties.DeliveryStreamEncryptionConfigurationInput,
    ).toMatchObject({ KeyARN: arn });
    expect(rightsOf(resources, 'Archive/Role')).toContain(
      'kms:Decrypt, kms:GenerateDataKey on Stack/Key',
    );
  });

  it('lets the delivery stream use the key of an existing bucket, and not its own key', () => {
    const stack = emptyStack({ region: 'us-east-1' });
    const bucket = new Bucket(stack, 'Bucket', { encryptionKey: new Key(stack, 'BucketKey') });
    const encryptionKey = new Key(stack, 'StreamKey');
    new Archive(new Construct(stack, 'Postback'), 'Archive', {
      options: { bucket },
      encryptionKey,
    });
    const rights = rightsOf(new Resources(stack), 'Archive/Role').filter((right) =>
      right.startsWith('kms:'),
    );
    expect(rights).toEqual(['kms:Decrypt, kms:GenerateDataKey on Stack/BucketKey']);
  });

  it('applies its prefix, expiry and buffer interval', () => {
    const resources = archived({
      prefix: 'rakuten/raw/',
      expireAfter: Duration.days(60),
      bufferInterval: Duration.minutes(1),
    });
    expect(destinationOf(resources)).toMatchObject({
      Prefix: 'rakuten/raw/day=!{timestamp:yyyy-MM-dd}/',
      ErrorOutputPrefix: expect.stringMatching(/^rakuten\/raw-errors\//),
      BufferingHints: { IntervalInSeconds: 60 },
    });
    const [rule] = resources.at('Postback/Archive/Bucket').Properties.LifecycleConfiguration.Rules;
    expect(rule.ExpirationInDays).toBe(60);
    expect(rule.Transitions).toBeUndefined();
  });

  it.each<[string, (stack: Stack) => ArchiveOptions, RegExp]>([
    [
      'a prefix without an end',
      () => ({ prefix: 'raw' }),
      /archive\.prefix is 'raw'; give .* with a slash at the end/,
    ],
    [
      'a buffer of an hour',
      () => ({ bufferInterval: Duration.hours(1) }),
      /archive\.bufferInterval is 1 hour; give 1 minute to 15 minutes/,
    ],
    [
      'to move what is deleted before',
      () => ({ expireAfter: Duration.days(30), glacierAfter: Duration.days(30) }),
      /archive\.expireAfter is 30 days, so nothing comes to be moved/,
    ],
    [
      "to set what is the bucket's owner's",
      (stack) => ({
        bucket: Bucket.fromBucketName(stack, 'Mine', 'mine'),
        expireAfter: Duration.days(30),
      }),
      /archive\.expireAfter is of the bucket that is made here/,
    ],
  ])('refuses %s', (_, options, message) => {
    const stack = emptyStack();
    expect(() => new Archive(stack, 'Archive', { options: options(stack) })).toThrow(message);
  });

  it('has the documented columns and location', () => {
    const text = textOf('docs/archive.md');
    const [, columns = ''] = /CREATE EXTERNAL TABLE postbacks \(\n([\s\S]*?)\n\)/.exec(text) ?? [];
    expect(columns.split('\n').map((line) => line.trim().replace(/,$/, ''))).toEqual(
      ARCHIVE_COLUMNS.map((name) => `${name} string`),
    );
    for (const name of ARCHIVE_COLUMNS)
      expect(text).toMatch(new RegExp(`^\\| .*\`${name}\`.* \\|`, 'm'));
    const { Prefix } = destinationOf(archived());
    expect(text).toContain(
      `s3://YOUR-BUCKET/${Prefix.replace('!{timestamp:yyyy-MM-dd}', '$' + '{day}')}`,
    );
  });
});
