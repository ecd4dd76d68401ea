import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as firehose from 'aws-cdk-lib/aws-kinesisfirehose';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { functionLogGroup } from './private/bundled-function';
import { durationProblem, type Problem, rejectProblems } from './private/checks';
import { checkKeyLocation, checkLocation } from './private/location';

/** How raw messages are archived. */
export interface ArchiveOptions {
  /**
   * Existing bucket. Its owner sets its encryption, access and lifecycle.
   *
   * The policy of a bucket of another account has to allow the role of the delivery stream to
   * write.
   * @default - a bucket is made: encrypted, closed to the public and to plain HTTP, kept when the
   *   stack is deleted
   */
  readonly bucket?: s3.IBucket;

  /**
   * With what the archive's keys begin, such as `rakuten/`. The days (`day=2026-03-13/`) come
   * behind it.
   * @default postbacks/
   */
  readonly prefix?: string;

  /**
   * After how long what was archived is deleted, a day or more. For a bucket that is made.
   * @default - never
   */
  readonly expireAfter?: Duration;

  /**
   * After how long it is moved to S3 Glacier Instant Retrieval, where keeping it costs a fifth and
   * reading it more, 0 days or more. Athena reads it there all the same. For a bucket that is made.
   * @default - after 90 days
   */
  readonly glacierAfter?: Duration;

  /**
   * How long messages are collected for one object, 1 to 15 minutes: a message can be queried so
   * much later.
   * @default Duration.minutes(15)
   */
  readonly bufferInterval?: Duration;

  /**
   * What becomes of a bucket that is made when the stack is deleted. A bucket with something in it
   * cannot be deleted: empty it first.
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;
}

export interface ArchiveProps {
  readonly options: ArchiveOptions;
  /** @default - keys of AWS */
  readonly encryptionKey?: kms.IKey;
  /** @default logs.RetentionDays.THREE_MONTHS */
  readonly logRetention?: logs.RetentionDays;
}

/** A delivery stream that collects raw messages and writes them to S3, compressed, by day. */
export class Archive extends Construct {
  public readonly bucket: s3.IBucket;
  public readonly deliveryStreamName: string;
  public readonly deliveryStreamArn: string;

  constructor(
    scope: Construct,
    id: string,
    { options, encryptionKey, logRetention }: ArchiveProps,
  ) {
    super(scope, id);
    rejectProblems(this, optionProblems(options));
    if (options.bucket !== undefined) checkBucket(this, options.bucket);
    this.bucket = options.bucket ?? this.makeBucket(options, encryptionKey);
    const prefix = options.prefix ?? 'postbacks/';
    const log = functionLogGroup(this, 'Logs', logRetention);
    const logStream = new logs.LogStream(this, 'LogStream', {
      logGroup: log,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = this.writingRole(log, prefix);
    // CDK's own construct brings a table of addresses along that nothing here uses, and a warning
    // about it at each synthesis.
    const stream = new firehose.CfnDeliveryStream(this, 'Stream', {
      deliveryStreamType: 'DirectPut',
      deliveryStreamEncryptionConfigurationInput: encryptionKey
        ? { keyType: 'CUSTOMER_MANAGED_CMK', keyArn: encryptionKey.keyArn }
        : { keyType: 'AWS_OWNED_CMK' },
      extendedS3DestinationConfiguration: {
        bucketArn: this.bucket.bucketArn,
        roleArn: role.roleArn,
        compressionFormat: 'GZIP',
        prefix: `${prefix}day=!{timestamp:yyyy-MM-dd}/`,
        errorOutputPrefix: `${errorPrefix(prefix)}!{firehose:error-output-type}/day=!{timestamp:yyyy-MM-dd}/`,
        fileExtension: '.jsonl.gz',
        bufferingHints: {
          intervalInSeconds: (options.bufferInterval ?? Duration.minutes(15)).toSeconds(),
          sizeInMBs: 64,
        },
        cloudWatchLoggingOptions: {
          enabled: true,
          logGroupName: log.logGroupName,
          logStreamName: logStream.logStreamName,
        },
      },
    });
    // Firehose tries its rights when the stream is made.
    stream.node.addDependency(role);
    this.deliveryStreamName = stream.ref;
    this.deliveryStreamArn = stream.attrArn;
  }

  /** A role that can write to the archive's keys of the bucket, and nothing else. */
  private writingRole(log: logs.ILogGroup, prefix: string): iam.Role {
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('firehose.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
      description: 'Lets Firehose write raw messages to the archive',
    });
    const allow = (actions: string[], ...resources: string[]): unknown =>
      role.addToPolicy(new iam.PolicyStatement({ actions, resources }));
    allow(
      ['s3:GetBucketLocation', 's3:ListBucket', 's3:ListBucketMultipartUploads'],
      this.bucket.bucketArn,
    );
    allow(
      ['s3:AbortMultipartUpload', 's3:PutObject'],
      this.bucket.arnForObjects(`${prefix}*`),
      this.bucket.arnForObjects(`${errorPrefix(prefix)}*`),
    );
    allow(['logs:PutLogEvents'], log.logGroupArn);
    // Firehose makes a grant of its own for the key of the stream.
    const { encryptionKey } = this.bucket;
    if (encryptionKey !== undefined)
      allow(['kms:Decrypt', 'kms:GenerateDataKey'], encryptionKey.keyArn);
    return role;
  }

  private makeBucket(
    { expireAfter, glacierAfter, removalPolicy }: ArchiveOptions,
    encryptionKey: kms.IKey | undefined,
  ): s3.Bucket {
    return new s3.Bucket(this, 'Bucket', {
      encryption: encryptionKey ? s3.BucketEncryption.KMS : s3.BucketEncryption.S3_MANAGED,
      encryptionKey,
      // One data key for many objects, not one call to KMS for each.
      bucketKeyEnabled: encryptionKey === undefined ? undefined : true,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      removalPolicy: removalPolicy ?? RemovalPolicy.RETAIN,
      lifecycleRules: [
        {
          // What is deleted sooner is not worth moving.
          transitions: isMoved(expireAfter, glacierAfter)
            ? [
                {
                  storageClass: s3.StorageClass.GLACIER_INSTANT_RETRIEVAL,
                  transitionAfter: glacierAfter ?? GLACIER_AFTER,
                },
              ]
            : undefined,
          expiration: expireAfter,
          abortIncompleteMultipartUploadAfter: Duration.days(7),
        },
      ],
    });
  }
}

/** Firehose writes to a bucket of any account and region. */
function checkBucket(scope: Construct, { bucketArn: arn, env, encryptionKey }: s3.IBucket): void {
  const rule = { usedBy: 'the delivery stream', anyRegion: true };
  const permission =
    'its policy has to allow the role of the delivery stream s3:AbortMultipartUpload, s3:GetBucketLocation, s3:ListBucket, ' +
    's3:ListBucketMultipartUploads and s3:PutObject';
  checkLocation(scope, { name: 'archive.bucket', arn, env }, { ...rule, permission });
  if (encryptionKey !== undefined)
    checkKeyLocation(scope, 'the key of archive.bucket', encryptionKey, rule);
}

/** Beside the archive, so that no query reads it. */
const errorPrefix = (prefix: string): string => prefix.replace(/\/$/, '-errors/');

/** Glacier Instant Retrieval bills 90 days at least. */
const GLACIER_AFTER = Duration.days(90);

const isMoved = (expireAfter: Duration | undefined, glacierAfter = GLACIER_AFTER): boolean =>
  expireAfter === undefined || expireAfter.toDays() > glacierAfter.toDays();

const FOR_A_BUCKET_MADE_HERE = ['expireAfter', 'glacierAfter', 'removalPolicy'] as const;

function optionProblems(options: ArchiveOptions): Problem[] {
  const { bucket, prefix, expireAfter, glacierAfter, bufferInterval } = options;
  const given =
    bucket === undefined
      ? undefined
      : FOR_A_BUCKET_MADE_HERE.find((name) => options[name] !== undefined);
  const years = Duration.days(36_500);
  return [
    given &&
      `archive.${given} is of the bucket that is made here, and a bucket is passed in; set it on that bucket instead`,
    prefix === undefined || /^([\w.-]+\/)+$/.test(prefix)
      ? undefined
      : `archive.prefix is '${prefix}'; give letters, digits, dots, hyphens and underscores with a slash at the end, such as rakuten/postbacks/`,
    durationProblem('archive.expireAfter', expireAfter, Duration.days(1), years, 'days'),
    durationProblem('archive.glacierAfter', glacierAfter, Duration.days(0), years, 'days'),
    expireAfter !== undefined && glacierAfter !== undefined && !isMoved(expireAfter, glacierAfter)
      ? `archive.expireAfter is ${expireAfter.toHumanString()}, so nothing comes to be moved after archive.glacierAfter, ${glacierAfter.toHumanString()}; leave glacierAfter out, or keep longer`
      : undefined,
    durationProblem(
      'archive.bufferInterval',
      bufferInterval,
      Duration.minutes(1),
      Duration.minutes(15),
    ),
  ];
}
