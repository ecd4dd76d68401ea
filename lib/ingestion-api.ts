import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Annotations, Names, Stack, Token } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import * as wafv2 from 'aws-cdk-lib/aws-wafv2';
import { Construct } from 'constructs';
import { fillPlaceholders, refuse } from './private/checks';
import { onlyFrom, sourceRangesProblem, throttlingProblem, webAclProblem } from './private/edge';

/** Path of the endpoint below the API's stage. */
const RESOURCE_PATH = 'postback';
const STAGE_NAME = 'prod';

/**
 * The types under which the mapping template stands. A GET without a Content-Type counts as JSON; under any other type
 * API Gateway answers 415 and the line is lost, so the usual ones are all there.
 */
const CONTENT_TYPES = ['application/json', 'application/x-www-form-urlencoded', 'text/plain', 'text/html', 'application/xml', 'text/xml'];

export interface IngestionApiProps {
  /** Where each GET becomes a message. */
  readonly queue: sqs.IQueue;

  /**
   * How the endpoint is reached: `REGIONAL` for senders on the same continent, `EDGE` where the region is far from the sender.
   * @default apigateway.EndpointType.REGIONAL
   */
  readonly endpointType?: apigateway.EndpointType;

  /**
   * Under which base URL the API's resources are reached from outside, when a domain or proxy stands in front. `{apiId}` and `{stage}`
   * are filled in at deploy time.
   * @default - API Gateway's own URL of the stage
   */
  readonly endpointBaseUrl?: string;

  /** A web ACL of AWS WAF in front of the stage. @default - none */
  readonly webAclArn?: string;

  /** The only addresses that are let in, in CIDR notation. @default - any */
  readonly allowedSourceRanges?: string[];

  /** @default - the account's limit */
  readonly throttling?: apigateway.ThrottleSettings;
}

/**
 * The front door: a REST API whose one GET method hands the whole query string to SQS by a mapping template. Nothing that computes stands
 * between the GET and its answer, and the answer is 200 only when SQS said 200; everything else is a 500.
 */
export class IngestionApi extends Construct {
  /** The REST API. */
  public readonly restApi: apigateway.RestApi;

  /** URL of the endpoint, without a query string. */
  public readonly endpointUrl: string;

  constructor(scope: Construct, id: string, props: IngestionApiProps) {
    super(scope, id);
    const endpointType = props.endpointType ?? apigateway.EndpointType.REGIONAL;
    if (endpointType === apigateway.EndpointType.PRIVATE) {
      refuse(this, 'endpointType is PRIVATE, which Rakuten cannot reach from outside the VPC; use REGIONAL or EDGE');
    }
    const { webAclArn, allowedSourceRanges, throttling } = props;
    for (const problem of [webAclProblem(webAclArn), sourceRangesProblem(allowedSourceRanges), throttlingProblem(throttling)]) {
      refuse(this, problem);
    }

    this.restApi = new apigateway.RestApi(this, 'Api', {
      // The name is the dimension of the API's metrics, so two installations in one account must not share it.
      restApiName: Names.uniqueResourceName(this, { maxLength: 128, separator: '-' }),
      description: 'Receives the postbacks of Rakuten Advertising and hands them to SQS',
      endpointConfiguration: { types: [endpointType] },
      policy: allowedSourceRanges && onlyFrom(allowedSourceRanges, `execute-api:/${STAGE_NAME}/GET/${RESOURCE_PATH}`),
      deployOptions: {
        stageName: STAGE_NAME,
        throttlingRateLimit: throttling?.rateLimit,
        throttlingBurstLimit: throttling?.burstLimit,
      },
      // The role for API Gateway's logs belongs to the whole account and region: not for a library to set.
      cloudWatchRole: false,
    });
    // CDK's own output names the root of the API, where nothing answers.
    this.restApi.node.tryRemoveChild('Endpoint');
    this.restApi.root.addResource(RESOURCE_PATH).addMethod('GET', this.sendMessageIntegration(props.queue), {
      methodResponses: [{ statusCode: '200' }, { statusCode: '500' }],
    });
    if (webAclArn !== undefined) {
      new wafv2.CfnWebACLAssociation(this, 'WebAcl', { webAclArn, resourceArn: this.restApi.deploymentStage.stageArn });
    }
    this.endpointUrl = endpointUrl(this.restApi, props.endpointBaseUrl);
    warnIfFarFromSender(this, endpointType);
    if (allowedSourceRanges !== undefined) {
      Annotations.of(this).addWarningV2(
        'cdk-rakuten-postback:sourceRangesUnpublished',
        'allowedSourceRanges lets only some addresses in, and Rakuten does not publish where it sends from: a postback from elsewhere is answered 403 and comes from ' +
          'the Events API at the earliest; see in an access log of the stage where postbacks have come from first, and watch the recovered lines',
      );
    }
  }

  private sendMessageIntegration(queue: sqs.IQueue): apigateway.AwsIntegration {
    const template = readFileSync(join(__dirname, 'ingestion-api.vtl'), 'utf8').trim();
    return new apigateway.AwsIntegration({
      service: 'sqs',
      path: `${Stack.of(this).account}/${queue.queueName}`,
      integrationHttpMethod: 'POST',
      options: {
        credentialsRole: this.sendingRole(queue),
        passthroughBehavior: apigateway.PassthroughBehavior.NEVER,
        requestParameters: { 'integration.request.header.Content-Type': "'application/x-www-form-urlencoded'" },
        requestTemplates: Object.fromEntries(CONTENT_TYPES.map((type) => [type, template])),
        integrationResponses: [
          { statusCode: '200', selectionPattern: '200', responseTemplates: { 'application/json': '{"accepted":true}' } },
          // No pattern: whatever SQS answers but 200 is a failure.
          { statusCode: '500', responseTemplates: { 'application/json': '{"accepted":false}' } },
        ],
      },
    });
  }

  /** A role that can send to this queue and do nothing else. */
  private sendingRole(queue: sqs.IQueue): iam.Role {
    const role = new iam.Role(this, 'SendRole', {
      assumedBy: new iam.ServicePrincipal('apigateway.amazonaws.com'),
      description: 'Lets API Gateway send postbacks to the queue',
    });
    role.addToPolicy(new iam.PolicyStatement({ actions: ['sqs:SendMessage'], resources: [queue.queueArn] }));
    if (queue.encryptionMasterKey) {
      role.addToPolicy(
        new iam.PolicyStatement({ actions: ['kms:GenerateDataKey', 'kms:Decrypt'], resources: [queue.encryptionMasterKey.keyArn] }),
      );
    }
    return role;
  }
}

function endpointUrl(api: apigateway.RestApi, baseUrl: string | undefined): string {
  if (baseUrl === undefined) return api.urlForPath(`/${RESOURCE_PATH}`);
  const base = fillPlaceholders(baseUrl, api.restApiId, STAGE_NAME).replace(/\/+$/, '');
  return `${base}/${RESOURCE_PATH}`;
}

function warnIfFarFromSender(scope: Construct, endpointType: apigateway.EndpointType): void {
  const { region } = Stack.of(scope);
  if (Token.isUnresolved(region) || /^(us|ca|mx)-/.test(region) || endpointType === apigateway.EndpointType.EDGE) return;
  Annotations.of(scope).addWarningV2(
    'cdk-rakuten-postback:endpointFarFromSender',
    `the endpoint is in ${region}, and a new connection from North America, where Rakuten is assumed to send from, may take most of the 400 ms ` +
      'that Rakuten waits: put the stack in us-east-1 or us-east-2, or use endpointType EDGE, and watch the self-test and the recovered lines',
  );
}
