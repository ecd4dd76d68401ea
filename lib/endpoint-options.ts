import type * as apigateway from 'aws-cdk-lib/aws-apigateway';
import type { AccessLogOptions } from './access-logs';
import type { ExistingApi } from './existing-api';
import type { PostbackDomain } from './postback-domain';
import type { Problem } from './private/checks';

/** How the endpoint is reached, by whom, and what is written down about it. */
export interface EndpointOptions {
  /**
   * How the endpoint is reached. REGIONAL is the fastest for a sender in North America and a stack
   * there; EDGE shortens the way to a region far from it.
   * @default apigateway.EndpointType.REGIONAL
   */
  readonly endpointType?: apigateway.EndpointType;

  /**
   * A name of your own for the endpoint, such as `postback.example.com`. The registered URL has it,
   * so a move to another API or region needs no registration by hand.
   * @default - API Gateway's name of the API
   */
  readonly domain?: PostbackDomain;

  /**
   * A REST API that exists already, of this app or another, and gets the endpoint as one more
   * resource. What is set on an API or a stage as a whole (`endpointType`, `throttling`,
   * `webAclArn`, `allowedSourceRanges`, `accessLogs`) stays its owner's to set.
   * @default - a REST API is made
   */
  readonly existingApi?: ExistingApi;

  /**
   * Base URL under which the API is reached from outside, when a proxy, or a domain that is kept
   * elsewhere, stands in front of it. `{apiId}` and `{stage}` are filled in at deploy time.
   * @default - the URL of `domain`, else API Gateway's own URL of the stage
   */
  readonly endpointBaseUrl?: string;

  /**
   * One JSON line for each GET in CloudWatch Logs: who sent it, how it was answered, how long that
   * took; never the query string with the secret in it.
   * @default - none
   */
  readonly accessLogs?: AccessLogOptions;

  /**
   * ARN of a web ACL of AWS WAF (scope REGIONAL, in the stack's region) that stands in front of the
   * endpoint. What it blocks is never sent again by Rakuten and comes from the Events API at the
   * earliest: count before you block.
   * @default - none
   */
  readonly webAclArn?: string;

  /**
   * The only addresses that the endpoint answers, in CIDR notation. Rakuten does not publish where
   * it sends from: a range that is missing here loses what comes from it. The deployment's
   * self-test and the status watch's probe come from AWS's addresses, so with this they are off
   * unless asked for.
   * @default - any address
   */
  readonly allowedSourceRanges?: string[];

  /**
   * How many requests a second, and how many at once, the endpoint takes. Beyond that it answers
   * 429 and Rakuten, which uploads thousands of lines in a burst, does not send again. Leave it out
   * unless other APIs of the account need protection from this one.
   * @default - the account's limit, usually 10,000 a second and 5,000 at once, shared by all its
   *   APIs in the region
   */
  readonly throttling?: apigateway.ThrottleSettings;
}

/** What belongs to the API or stage as a whole, and where its owner sets it. */
const OWNERS_TO_SET: Record<string, string> = {
  endpointType: 'endpointConfiguration of that API',
  throttling: 'deployOptions.methodOptions of that API, for /…/postback/GET alone',
  webAclArn: 'a wafv2.CfnWebACLAssociation with the stage of that API',
  allowedSourceRanges: "the policy of that API, on this method's ARN",
  accessLogs:
    'deployOptions.accessLogDestination of that API, with a format that has neither query string nor path',
};

/** Refuses what cannot be applied to an API of somebody else's making. */
export function existingApiProblem(options: EndpointOptions): Problem {
  if (options.existingApi === undefined) return undefined;
  for (const [name, place] of Object.entries(OWNERS_TO_SET)) {
    if (options[name as keyof EndpointOptions] === undefined) continue;
    return `${name} is of a whole API, and the one of existingApi has an owner; set it there: ${place}`;
  }
  if (options.domain?.disableDefaultEndpoint) {
    return 'domain.disableDefaultEndpoint is of a whole API, and the one of existingApi has an owner; set it there: disableExecuteApiEndpoint of that API';
  }
  return undefined;
}
