import { isIP } from 'node:net';
import { Token } from 'aws-cdk-lib';
import type * as apigateway from 'aws-cdk-lib/aws-apigateway';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Problem } from './checks';

/** A resource policy that lets these addresses in, and nobody else. */
export function onlyFrom(ranges: string[], resource: string): iam.PolicyDocument {
  return new iam.PolicyDocument({
    statements: [
      new iam.PolicyStatement({
        principals: [new iam.AnyPrincipal()],
        actions: ['execute-api:Invoke'],
        resources: [resource],
        conditions: { IpAddress: { 'aws:SourceIp': ranges } },
      }),
    ],
  });
}

export function sourceRangesProblem(ranges: string[] | undefined): Problem {
  if (ranges === undefined || Token.isUnresolved(ranges)) return undefined;
  if (ranges.length === 0)
    return 'allowedSourceRanges is empty, which would let nobody in; leave it out to let everybody in';
  const wrong = ranges.find((range) => !Token.isUnresolved(range) && !isRange(range));
  return wrong === undefined
    ? undefined
    : `allowedSourceRanges has '${wrong}'; give addresses such as 203.0.113.7 or 203.0.113.0/24`;
}

function isRange(text: string): boolean {
  const [address = '', prefix, ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return (
    prefix === undefined ||
    (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128))
  );
}

export function webAclProblem(arn: string | undefined): Problem {
  if (
    arn === undefined ||
    Token.isUnresolved(arn) ||
    /^arn:[^:]+:wafv2:[^:]+:\d{12}:regional\/webacl\/[^/]+\/[^/]+$/.test(arn)
  )
    return undefined;
  return `webAclArn is '${arn}'; give the ARN of a web ACL of scope REGIONAL in the stack's region (one of scope CLOUDFRONT protects distributions only)`;
}

export function throttlingProblem(settings: apigateway.ThrottleSettings | undefined): Problem {
  return (
    limitProblem('throttling.rateLimit', settings?.rateLimit) ??
    limitProblem('throttling.burstLimit', settings?.burstLimit)
  );
}

function limitProblem(name: string, value: number | undefined): Problem {
  if (value === undefined || Token.isUnresolved(value) || value >= 1) return undefined;
  return `${name} is ${value}, which would turn postbacks away that Rakuten never sends again; give 1 or more, or leave it out`;
}
