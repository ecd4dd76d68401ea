import { Annotations } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { functionLogGroup } from './private/bundled-function';
import { checkLocation } from './private/location';

/** What is written down about each GET that reaches the endpoint. */
export interface AccessLogOptions {
  /**
   * Whether access logs are written.
   * @default true
   */
  readonly enabled?: boolean;

  /**
   * Log group, in the stack's account and region. Its owner chooses its retention and encryption.
   * @default - a log group is made, with the `logRetention` of the functions' logs, and goes with
   *   the stack
   */
  readonly logGroup?: logs.ILogGroup;

  /**
   * Whether the stack sets the role with which API Gateway writes logs. There is one such role for
   * the **whole account and region**: set it here only if no other stack does. It is left in place
   * when the stack is deleted, since other APIs may have come to rely on it.
   * @default false - the role is there already
   */
  readonly accountRole?: boolean;
}

/**
 * What a line says, under which name. Everything is API Gateway's own or the network's: no path as
 * it was requested, no query string and no header but the user agent, so the secret in the URL
 * cannot get here. `requestId` is the `request_id` of the row.
 */
const LINE = {
  time: '$context.requestTime',
  requestId: '$context.extendedRequestId',
  sourceIp: '$context.identity.sourceIp',
  method: '$context.httpMethod',
  resource: '$context.resourcePath',
  domain: '$context.domainName',
  protocol: '$context.protocol',
  status: '$context.status',
  latency: '$context.responseLatency',
  integrationStatus: '$context.integration.status',
  integrationLatency: '$context.integration.latency',
  integrationError: '$context.integration.error',
  error: '$context.error.responseType',
  wafStatus: '$context.waf.status',
  // Last, as it is the one that the sender chooses.
  userAgent: '$context.identity.userAgent',
};

/** The options of a stage that write an access log. */
export function accessLogging(
  scope: Construct,
  options: AccessLogOptions | undefined,
  retention: logs.RetentionDays | undefined,
): Pick<apigateway.StageOptions, 'accessLogDestination' | 'accessLogFormat'> {
  if (!writesAccessLogs(options)) return {};
  if (!options.accountRole) warnOfAccountRole(scope);
  if (options.logGroup !== undefined) {
    const { logGroupArn: arn, env } = options.logGroup;
    checkLocation(scope, { name: 'accessLogs.logGroup', arn, env }, { usedBy: 'the endpoint' });
  }
  const logGroup = options.logGroup ?? functionLogGroup(scope, 'AccessLogs', retention);
  return {
    accessLogDestination: new apigateway.LogGroupLogDestination(logGroup),
    accessLogFormat: apigateway.AccessLogFormat.custom(JSON.stringify(LINE)),
  };
}

export function writesAccessLogs(
  options: AccessLogOptions | undefined,
): options is AccessLogOptions {
  return options !== undefined && (options.enabled ?? true);
}

function warnOfAccountRole(scope: Construct): void {
  Annotations.of(scope).addWarningV2(
    'cdk-rakuten-postback:accessLogsNeedAccountRole',
    'access logs need the role that API Gateway writes logs with, one for the whole account and region; where none is set, the deployment fails with "CloudWatch Logs ' +
      'role ARN must be set in account settings". Set accessLogs.accountRole to true if no other stack sets it, or acknowledge this if it is there',
  );
}
