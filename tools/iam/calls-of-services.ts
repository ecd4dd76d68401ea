import { type Call, callOf } from './call';
import { ACCOUNT, type Deployed, type DeployedResource } from './deployed';

/** Calls of a service because of a resource, with its role or permission. No proxy sees them. */
export interface ServiceRule {
  /** CloudFormation type of the resource. */
  readonly type: string;
  readonly reason: string;
  readonly source: string;
  calls(resource: DeployedResource, deployed: Deployed): Call[];
}

const LAMBDA = 'https://docs.aws.amazon.com/lambda/latest/dg';
const STREAM_NAME = 'log-stream:2026';

const assuming = (service: string, role: string): Call =>
  callOf(`${service}.amazonaws.com`, 'sts:AssumeRole', role, { 'aws:SourceAccount': ACCOUNT });
const logCalls = (
  role: string,
  groupArn: string,
  actions = ['CreateLogStream', 'PutLogEvents'],
): Call[] =>
  actions.map((action) => callOf(role, `logs:${action}`, groupArn.replace(/\*$/, STREAM_NAME)));
const logGroupArn = (deployed: Deployed, name: string): string =>
  deployed.of('AWS::Logs::LogGroup').find(({ arn }) => arn.endsWith(`:log-group:${name}:*`))?.arn ??
  '';

/** The target of a pipe, by the service in its ARN. */
const TARGET_ACTIONS: Readonly<Record<string, string>> = {
  sqs: 'sqs:SendMessage',
  events: 'events:PutEvents',
  lambda: 'lambda:InvokeFunction',
  states: 'states:StartExecution',
};

export const SERVICE_RULES: readonly ServiceRule[] = [
  {
    type: 'AWS::Lambda::Function',
    reason:
      'Lambda runs a function with its role, and writes its log with that role (AWSLambdaBasicExecutionRole).',
    source: `${LAMBDA}/lambda-intro-execution-role.html`,
    calls: ({ properties }, deployed) => [
      assuming('lambda', properties.Role),
      ...logCalls(properties.Role, logGroupArn(deployed, properties.LoggingConfig.LogGroup)),
    ],
  },
  {
    type: 'AWS::Lambda::Function',
    reason: 'X-Ray receives the traces of a function that has tracing (AWSXRayDaemonWriteAccess).',
    source: `${LAMBDA}/services-xray.html`,
    calls: ({ properties: { Role, TracingConfig } }) =>
      TracingConfig?.Mode === 'Active'
        ? ['PutTraceSegments', 'PutTelemetryRecords'].map((name) =>
            callOf(Role, `xray:${name}`, '*'),
          )
        : [],
  },
  {
    type: 'AWS::Lambda::Function',
    reason:
      "CDK's provider framework invokes the function behind it, and waits until a function is active.",
    source:
      'https://github.com/aws/aws-cdk/tree/main/packages/aws-cdk-lib/custom-resources/lib/provider-framework/runtime',
    calls: ({ properties: { Role, Environment } }) => {
      const invoked = Environment?.Variables.USER_ON_EVENT_FUNCTION_ARN;
      return invoked === undefined
        ? []
        : ['InvokeFunction', 'GetFunction'].map((name) => callOf(Role, `lambda:${name}`, invoked));
    },
  },
  {
    type: 'AWS::Lambda::EventSourceMapping',
    reason:
      'An event source mapping reads the queue with the role of the function (AWSLambdaSQSQueueExecutionRole).',
    source: `${LAMBDA}/services-sqs-configure.html`,
    calls: ({ properties: { FunctionName, EventSourceArn } }, deployed) => {
      const reader = deployed
        .of('AWS::Lambda::Function')
        .find(({ arn }) => arn.endsWith(`:${FunctionName}`));
      return ['ReceiveMessage', 'DeleteMessage', 'GetQueueAttributes'].map((name) =>
        callOf(reader?.properties.Role, `sqs:${name}`, EventSourceArn),
      );
    },
  },
  {
    type: 'AWS::ApiGateway::Method',
    reason: 'API Gateway sends the message with the role of the integration.',
    source:
      'https://docs.aws.amazon.com/apigateway/latest/developerguide/integrating-api-with-aws-services-sqs.html',
    calls: ({ region, properties: { Integration } }) => {
      const [, queue] = /:sqs:path\/\d+\/(.+)$/.exec(Integration.Uri ?? '') ?? [];
      if (queue === undefined) return [];
      return [
        assuming('apigateway', Integration.Credentials),
        callOf(
          Integration.Credentials,
          'sqs:SendMessage',
          `arn:aws:sqs:${region}:${ACCOUNT}:${queue}`,
        ),
      ];
    },
  },
  {
    type: 'AWS::ApiGateway::Account',
    reason:
      'API Gateway writes access logs with the role of the account. Its permissions are a managed policy of AWS.',
    source: 'https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html',
    calls: ({ properties }) => [assuming('apigateway', properties.CloudWatchRoleArn)],
  },
  {
    type: 'AWS::ApiGateway::RestApi',
    reason: 'Anyone in the allowed ranges calls the endpoint of an API that has a resource policy.',
    source:
      'https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies.html',
    calls: ({ arn, properties: { Policy } }) =>
      Policy === undefined
        ? []
        : ['203.0.113.7', '2001:db8::7'].map((address) =>
            callOf('*', 'execute-api:Invoke', `${arn}/prod/GET/postback`, {
              'aws:SourceIp': address,
            }),
          ),
  },
  {
    type: 'AWS::Events::Rule',
    reason: 'EventBridge invokes the function that is the target of a rule.',
    source: 'https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html',
    calls: ({ arn, properties }) =>
      properties.Targets.map((target: { Arn: string }) =>
        callOf('events.amazonaws.com', 'lambda:InvokeFunction', target.Arn, {
          'aws:SourceArn': arn,
        }),
      ),
  },
  {
    type: 'AWS::Pipes::Pipe',
    reason:
      'A pipe reads the stream, invokes its enrichment, and sends to its target and its dead-letter queue.',
    source: 'https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-permissions.html',
    calls: ({ properties: { RoleArn, Source, SourceParameters, Enrichment, Target } }) => [
      assuming('pipes', RoleArn),
      ...['DescribeStream', 'GetRecords', 'GetShardIterator'].map((name) =>
        callOf(RoleArn, `dynamodb:${name}`, Source),
      ),
      callOf(RoleArn, 'lambda:InvokeFunction', Enrichment),
      callOf(RoleArn, TARGET_ACTIONS[Target.split(':')[2]] ?? '', Target),
      callOf(
        RoleArn,
        'sqs:SendMessage',
        SourceParameters.DynamoDBStreamParameters.DeadLetterConfig.Arn,
      ),
    ],
  },
  {
    type: 'AWS::Pipes::Pipe',
    reason: "A pipe writes its log with its role, as CDK's own construct of a pipe grants it.",
    source:
      'https://docs.aws.amazon.com/cdk/api/v2/docs/@aws-cdk_aws-pipes-alpha.CloudwatchLogsLogDestination.html',
    calls: ({ properties: { RoleArn, LogConfiguration } }) =>
      logCalls(RoleArn, LogConfiguration.CloudwatchLogsLogDestination.LogGroupArn),
  },
  {
    type: 'AWS::KinesisFirehose::DeliveryStream',
    reason: 'Firehose writes objects and its errors with its role.',
    source: 'https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#using-iam-s3',
    calls: ({ properties: { ExtendedS3DestinationConfiguration: destination } }, deployed) => {
      const {
        RoleARN: role,
        BucketARN: bucket,
        Prefix,
        ErrorOutputPrefix,
        CloudWatchLoggingOptions,
      } = destination;
      const objects = [Prefix, ErrorOutputPrefix].map(
        (prefix) => `${bucket}/${prefix.replace(/!\{.*/, '')}2026.gz`,
      );
      return [
        assuming('firehose', role),
        ...['GetBucketLocation', 'ListBucket', 'ListBucketMultipartUploads'].map((name) =>
          callOf(role, `s3:${name}`, bucket),
        ),
        ...['AbortMultipartUpload', 'PutObject'].flatMap((name) =>
          objects.map((object) => callOf(role, `s3:${name}`, object)),
        ),
        ...logCalls(role, logGroupArn(deployed, CloudWatchLoggingOptions.LogGroupName), [
          'PutLogEvents',
        ]),
      ];
    },
  },
];

/** The parts of an app that the library creates. */
export const isOurs = (path: string): boolean => /^(CashBack\/Postback|Relay\/Relay)\//.test(path);

export function callsOfServices(deployed: Deployed): Call[] {
  const ours = deployed.resources.filter(({ path }) => isOurs(path));
  return ours.flatMap((resource) =>
    SERVICE_RULES.filter(({ type }) => type === resource.type).flatMap((rule) =>
      rule.calls(resource, deployed),
    ),
  );
}
