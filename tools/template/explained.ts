export interface Explained {
  /** Names of the rule without the pack: several packs have the same one, Control Tower its own. */
  readonly rules: readonly string[];
  /** On which constructs, by their paths below the RakutenPostback. */
  readonly on: RegExp;
  readonly reason: string;
}

const FUNCTIONS =
  /^(Consumer|RegistrationProvider|Reconciliation|StatusWatch)\/(Function|Provider\/framework-onEvent)$/;
const STAGE = /^IngestionApi\/Api\/DeploymentStage\.prod$/;
const URL_SECRET = /^Publisher\w*\/UrlSecret$/;

/**
 * Findings of the packs for HIPAA, NIST 800-53, PCI DSS and serverless applications, and of AWS
 * Control Tower's proactive controls, in the stack with every default.
 *
 * They are information. If you must comply, they show which options to enable, and which rules
 * contradict a public GET that is never repeated.
 */
export const EXPLAINED: readonly Explained[] = [
  {
    rules: ['CloudWatchLogGroupEncrypted', 'cloudwatch_log_group_encrypted_check'],
    on: /(FunctionLogs|ProviderLogs)$/,
    reason:
      'CloudWatch encrypts logs with its own key, and what is logged has no secret and no member in it.',
  },
  {
    rules: ['cloudwatch_log_group_retention_period_check'],
    on: /(FunctionLogs|ProviderLogs)$/,
    reason:
      'The rule wants a year. Logs are kept for three months by default; the property logRetention sets another time.',
  },
  {
    rules: ['IAMNoInlinePolicy'],
    on: /(DefaultPolicy|HandOnPolicy|SecretsPolicy)$/,
    reason:
      'CDK gives each role its rights as a policy of that role alone, which goes with it; the rules ask for managed policies, which others could be given.',
  },
  {
    rules: ['LambdaConcurrency'],
    on: FUNCTIONS,
    reason:
      'The consumer is bounded by its event source (maxConcurrency), the others are started one at a time. A reserved concurrency would be taken from the account.',
  },
  {
    rules: ['LambdaDLQ'],
    on: FUNCTIONS,
    reason:
      "The consumer reads a queue that has a dead-letter queue; CloudFormation waits for the registration's answer; a scheduled run that fails is made up for by the next one.",
  },
  {
    rules: ['LambdaInsideVPC', 'lambda_inside_vpc_check'],
    on: FUNCTIONS,
    reason:
      'The functions talk to AWS and to Rakuten over TLS and to nothing in a network of yours. In a VPC they would need a NAT gateway for it.',
  },
  {
    rules: ['LambdaTracing'],
    on: FUNCTIONS,
    reason:
      'A trace costs money for each postback; the metrics and logs tell how long each step took.',
  },
  {
    rules: ['LambdaDefaultMemorySize'],
    on: /^RegistrationProvider\/Provider\/framework-onEvent$/,
    reason: "CDK's provider framework only hands on during a deployment; its default is enough.",
  },
  {
    rules: ['LambdaEventSourceMappingDestination'],
    on: /^Consumer\/Function\/SqsEventSource/,
    reason:
      'An SQS event source has no such destination: what fails goes to the dead-letter queue of the queue.',
  },
  {
    rules: ['LambdaAsyncFailureDestination'],
    on: /^StatusWatch\/Function\/EventInvokeConfig$/,
    reason:
      'The next run checks the same, minutes later. An alarm reports runs that fail or do not take place.',
  },
  {
    rules: ['SQSRedrivePolicy', 'sqs_dlq_check'],
    on: /DeadLetterQueue$/,
    reason: 'It is the dead-letter queue; an alarm tells when something is in it.',
  },
  {
    rules: ['EventBusDLQ'],
    on: /^(Reconciliation\/Publisher\w*|StatusWatch\/Schedule)$/,
    reason:
      'EventBridge repeats a start for a day, and the next run does what a missed one had to do. An alarm tells when runs stay away.',
  },
  {
    rules: ['APIGWCacheEnabledAndEncrypted'],
    on: STAGE,
    reason: 'An answer from a cache would acknowledge a postback that nobody stored.',
  },
  {
    rules: ['APIGWExecutionLoggingEnabled', 'api_gw_v1_execution_logging_enabled_check'],
    on: STAGE,
    reason:
      'Execution logs would show the query string with its secret, and need a role that the whole account shares.',
  },
  {
    rules: ['APIGWAccessLogging'],
    on: STAGE,
    reason:
      'The property accessLogs switches them on; they need a role that the whole account and region share, which is not for a library to set.',
  },
  {
    rules: ['APIGWSSLEnabled'],
    on: STAGE,
    reason:
      'The rule is about client certificates for backends over HTTP; the backend is SQS, called over TLS and signed by IAM.',
  },
  {
    rules: ['APIGWXrayEnabled', 'api_gw_xray_enabled_check'],
    on: STAGE,
    reason: 'As LambdaTracing: the latency and error metrics of the stage are there without it.',
  },
  {
    rules: ['APIGWAssociatedWithWAF'],
    on: STAGE,
    reason:
      'The property webAclArn puts one in front. What a firewall blocks by mistake Rakuten never sends again, so it is a choice.',
  },
  {
    rules: ['APIGWDefaultThrottling'],
    on: STAGE,
    reason:
      'The property throttling sets one. Rakuten uploads thousands of lines in a burst and repeats none that was answered 429.',
  },
  {
    rules: ['SecretsManagerRotationEnabled'],
    on: URL_SECRET,
    reason:
      'The secret stands in a URL at Rakuten: it is rotated by registering the URL anew (rotateUrlSecretEvery, rotate-secret), not by a function on a timer.',
  },
  {
    rules: ['SecretsManagerUsingKMSKey'],
    on: URL_SECRET,
    reason:
      "Encrypted with Secrets Manager's own key: whoever may read the secret by IAM is who may read it.",
  },
  {
    rules: ['CloudWatchAlarmAction', 'cloudwatch_alarm_action_check'],
    on: /^Monitoring\/Alarms\//,
    reason: 'Alarms notify what the user names; without that they are shown on the dashboard.',
  },
];
