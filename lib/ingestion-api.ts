import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  Annotations,
  CfnResource,
  Names,
  Reference,
  Stack,
  Token,
  Tokenization,
} from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import * as wafv2 from 'aws-cdk-lib/aws-wafv2';
import { Construct, type IDependable } from 'constructs';
import { accessLogging, writesAccessLogs } from './access-logs';
import { type EndpointOptions, existingApiProblem } from './endpoint-options';
import { deployMethod, type ExistingApi, type Mount, mountOn } from './existing-api';
import { EndpointDomain } from './postback-domain';
import { assertValid, fillPlaceholders, rejectProblems } from './private/checks';
import { onlyFrom, sourceRangesProblem, throttlingProblem, webAclProblem } from './private/edge';
import { checkLocation } from './private/location';
import { allowSending } from './private/queues';

/** Path of the endpoint below the API's stage. */
const RESOURCE_PATH = 'postback';
const STAGE_NAME = 'prod';

/**
 * The types under which the mapping template stands. A GET without a Content-Type counts as JSON;
 * under any other type API Gateway answers 415 and the line is lost, so the usual ones are all
 * there.
 */
const CONTENT_TYPES = [
  'application/json',
  'application/x-www-form-urlencoded',
  'text/plain',
  'text/html',
  'application/xml',
  'text/xml',
];

const RESPONSES: apigateway.MethodOptions = {
  methodResponses: [{ statusCode: '200' }, { statusCode: '500' }],
};

/** The API that has the endpoint, ours or somebody else's. */
interface Front {
  readonly api: apigateway.RestApiBase;
  readonly stageName: string;
  /** The stage's name without a reference to the stage. */
  readonly stageText: string;
  /** Path of the endpoint below the stage. */
  readonly path: string;
  readonly isEdge: boolean;
}

export interface IngestionApiProps extends EndpointOptions {
  /** Where each GET becomes a message. */
  readonly queue: sqs.IQueue;

  /** @default logs.RetentionDays.THREE_MONTHS */
  readonly logRetention?: logs.RetentionDays;

  /** Whether X-Ray records GETs. @default false */
  readonly tracing?: boolean;
}

/**
 * The front door: a REST API whose one GET method hands the whole query string to SQS by a mapping
 * template. Nothing that computes stands between the GET and its answer, and the answer is 200 only
 * when SQS said 200; everything else is a 500.
 */
export class IngestionApi extends Construct {
  /** The REST API. */
  public readonly restApi: apigateway.RestApiBase;

  /** URL of the endpoint, without a query string. */
  public readonly endpointUrl: string;

  /**
   * The same URL without a reference to the stage, for functions that exist before the API answers.
   *
   * The stage waits for the methods, and theirs may wait for the table, which waits for the first
   * check of the registration function. Undefined where the API's definition can wait for it, too.
   */
  public readonly earlyEndpointUrl?: string;

  /** All that must stand before the endpoint answers under that URL. */
  public readonly receiving: IDependable[] = [this];

  constructor(scope: Construct, id: string, props: IngestionApiProps) {
    super(scope, id);
    const { webAclArn, allowedSourceRanges, throttling, existingApi, domain, endpointBaseUrl } =
      props;
    const endpointType = props.endpointType ?? apigateway.EndpointType.REGIONAL;
    assertValid(
      this,
      endpointType !== apigateway.EndpointType.PRIVATE,
      'endpointType is PRIVATE, which Rakuten cannot reach from outside the VPC; use REGIONAL or EDGE',
    );
    assertValid(
      this,
      domain === undefined || endpointBaseUrl === undefined,
      'domain and endpointBaseUrl both say under which URL the endpoint is reached; leave one of them out',
    );
    rejectProblems(this, [
      existingApiProblem(props),
      webAclProblem(webAclArn),
      sourceRangesProblem(allowedSourceRanges),
      throttlingProblem(throttling),
    ]);

    const { api, stageName, stageText, path, isEdge } =
      existingApi === undefined
        ? this.ownApi(props, endpointType)
        : this.mounted(existingApi, props);
    this.restApi = api;
    const ownDomain =
      domain && new EndpointDomain(this, 'Domain', { domain, endpointType, api, stageName, path });
    this.endpointUrl = `${baseUrl(api, stageName, ownDomain?.baseUrl ?? endpointBaseUrl)}${path}`;
    const earlyUrl = `${baseUrl(api, stageText, ownDomain?.baseUrl ?? endpointBaseUrl)}${path}`;
    this.earlyEndpointUrl = waitsForMethods(earlyUrl) ? undefined : earlyUrl;
    // A domain on an API that is there already is a regional one.
    warnIfFarFromSender(this, isEdge && (existingApi === undefined || domain === undefined));
    if (allowedSourceRanges !== undefined) {
      Annotations.of(this).addWarningV2(
        'cdk-rakuten-postback:sourceRangesUnpublished',
        'allowedSourceRanges lets only some addresses in, and Rakuten does not publish where it sends from: a postback from elsewhere is answered 403 and comes from ' +
          'the Events API at the earliest; see in the access log (accessLogs) where postbacks have come from first, and watch the recovered lines',
      );
    }
  }

  private ownApi(props: IngestionApiProps, endpointType: apigateway.EndpointType): Front {
    const { allowedSourceRanges, throttling, accessLogs, webAclArn } = props;
    const api = new apigateway.RestApi(this, 'Api', {
      // The name is the dimension of the API's metrics, so two installations in one account must
      // not share it.
      restApiName: Names.uniqueResourceName(this, { maxLength: 128, separator: '-' }),
      description: 'Receives the postbacks of Rakuten Advertising and hands them to SQS',
      endpointConfiguration: { types: [endpointType] },
      disableExecuteApiEndpoint: props.domain?.disableDefaultEndpoint,
      policy:
        allowedSourceRanges &&
        onlyFrom(allowedSourceRanges, `execute-api:/${STAGE_NAME}/GET/${RESOURCE_PATH}`),
      deployOptions: {
        stageName: STAGE_NAME,
        throttlingRateLimit: throttling?.rateLimit,
        throttlingBurstLimit: throttling?.burstLimit,
        tracingEnabled: props.tracing,
        ...accessLogging(this, accessLogs, props.logRetention),
      },
      // The role for API Gateway's logs belongs to the whole account and region: not for a library
      // to set, unless it is told to.
      cloudWatchRole: writesAccessLogs(accessLogs) && (accessLogs.accountRole ?? false),
    });
    // CDK's own output names the root of the API, where nothing answers.
    api.node.tryRemoveChild('Endpoint');
    const resource = api.root.addResource(RESOURCE_PATH);
    resource.addMethod(
      'GET',
      new apigateway.AwsIntegration(this.sendMessage(props.queue)),
      RESPONSES,
    );
    if (webAclArn !== undefined) {
      checkLocation(this, { name: 'webAclArn', arn: webAclArn }, { usedBy: 'the endpoint' });
      new wafv2.CfnWebACLAssociation(this, 'WebAcl', {
        webAclArn,
        resourceArn: api.deploymentStage.stageArn,
      });
    }
    const { stageName } = api.deploymentStage;
    return {
      api,
      stageName,
      stageText: STAGE_NAME,
      path: resource.path,
      isEdge: endpointType === apigateway.EndpointType.EDGE,
    };
  }

  private mounted(existingApi: ExistingApi, props: IngestionApiProps): Front {
    const mount = mountOn(this, existingApi, RESOURCE_PATH);
    const call = this.sendMessage(props.queue);
    const integration: apigateway.AwsIntegrationProps = {
      ...call,
      // With binary media types on the API, the template would otherwise not be applied.
      options: { ...call.options, contentHandling: apigateway.ContentHandling.CONVERT_TO_TEXT },
    };
    const method = mount.resource.addMethod(
      'GET',
      new apigateway.AwsIntegration(integration),
      RESPONSES,
    );
    if (mount.isImported) this.receiving.push(deployMethod(mount, method));
    else this.receiving.push(mount.api.deploymentStage);
    return { ...mount, stageText: stageTextOf(mount), path: mount.resource.path };
  }

  private sendMessage(queue: sqs.IQueue): apigateway.AwsIntegrationProps {
    const template = readFileSync(join(__dirname, 'ingestion-api.vtl'), 'utf8').trim();
    return {
      service: 'sqs',
      path: `${Stack.of(this).account}/${queue.queueName}`,
      integrationHttpMethod: 'POST',
      options: {
        credentialsRole: this.sendingRole(queue),
        passthroughBehavior: apigateway.PassthroughBehavior.NEVER,
        requestParameters: {
          'integration.request.header.Content-Type': "'application/x-www-form-urlencoded'",
        },
        requestTemplates: Object.fromEntries(CONTENT_TYPES.map((type) => [type, template])),
        integrationResponses: [
          {
            statusCode: '200',
            selectionPattern: '200',
            responseTemplates: { 'application/json': '{"accepted":true}' },
          },
          // No pattern: whatever SQS answers but 200 is a failure.
          { statusCode: '500', responseTemplates: { 'application/json': '{"accepted":false}' } },
        ],
      },
    };
  }

  /**
   * Role that can send to this queue and do nothing else.
   *
   * Its trust policy has no `aws:SourceAccount`: according to a public report, API Gateway does not
   * send that key when it assumes an integration's role, so that every postback would be lost.
   */
  private sendingRole(queue: sqs.IQueue): iam.Role {
    const role = new iam.Role(this, 'SendRole', {
      assumedBy: new iam.ServicePrincipal('apigateway.amazonaws.com'),
      description: 'Lets API Gateway send postbacks to the queue',
    });
    allowSending(role, queue);
    return role;
  }
}

function stageTextOf({ api, stageName, isImported }: Mount): string {
  if (isImported) return stageName;
  return (api.deploymentStage.node.defaultChild as apigateway.CfnStage).stageName ?? stageName;
}

/** Whether a URL refers to more than an API without a definition of its own, and a domain name. */
function waitsForMethods(url: string): boolean {
  return Tokenization.reverseString(url).tokens.some((token) => {
    const target = Reference.isReference(token) ? token.target : undefined;
    if (target === undefined || !CfnResource.isCfnResource(target)) return false;
    const { body, bodyS3Location } = target as apigateway.CfnRestApi;
    if (target.cfnResourceType === apigateway.CfnRestApi.CFN_RESOURCE_TYPE_NAME)
      return body !== undefined || bodyS3Location !== undefined;
    return target.cfnResourceType !== apigateway.CfnDomainName.CFN_RESOURCE_TYPE_NAME;
  });
}

/** Where the paths of the stage begin, without a slash at its end. */
function baseUrl(
  api: apigateway.RestApiBase,
  stageName: string,
  given: string | undefined,
): string {
  if (given !== undefined)
    return fillPlaceholders(given, api.restApiId, stageName).replace(/\/+$/, '');
  const { region, urlSuffix } = Stack.of(api);
  return `https://${api.restApiId}.execute-api.${region}.${urlSuffix}/${stageName}`;
}

function warnIfFarFromSender(scope: Construct, isEdge: boolean): void {
  const { region } = Stack.of(scope);
  if (Token.isUnresolved(region) || /^(us|ca|mx)-/.test(region) || isEdge) return;
  Annotations.of(scope).addWarningV2(
    'cdk-rakuten-postback:endpointFarFromSender',
    `the endpoint is in ${region}, and a new connection from North America, where Rakuten is assumed to send from, may take most of the 400 ms ` +
      'that Rakuten waits: put the stack in us-east-1 or us-east-2, or use endpointType EDGE, and watch the self-test and the recovered lines',
  );
}
