import { Annotations, Stack, Token } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as route53 from 'aws-cdk-lib/aws-route53';
import * as targets from 'aws-cdk-lib/aws-route53-targets';
import { Construct } from 'constructs';
import { type Problem, rejectProblems } from './private/checks';
import { checkLocation, locationOf, type PassedResource } from './private/location';

/** CloudFront, which stands behind an edge-optimised domain, takes its certificates from here. */
const EDGE_CERTIFICATE_REGION = 'us-east-1';
/**
 * From where Route 53 looks whether the endpoint answers: three is the least, and North America is
 * where Rakuten is assumed to be.
 */
const HEALTH_CHECK_REGIONS = ['us-east-1', 'us-west-1', 'us-west-2'];

/** A name of your own for the endpoint. */
export interface PostbackDomain {
  /**
   * The name, such as `postback.example.com`. Give this, or `existingDomain`.
   * @default - `existingDomain` has it
   */
  readonly domainName?: string;

  /**
   * A domain name of API Gateway that exists already, and on which `basePath` is free.
   * @default - one is made for `domainName`
   */
  readonly existingDomain?: apigateway.IDomainName;

  /**
   * The certificate for the name, from AWS Certificate Manager: in the region of the stack, for an
   * EDGE endpoint in us-east-1.
   * @default - one is made and validated by a record in `hostedZone`
   */
  readonly certificate?: acm.ICertificate;

  /**
   * The hosted zone in Route 53 that has the name. Its records are made and ready before the URL is
   * registered.
   * @default - no records are made; the name must point to the endpoint by the time the URL is
   *   registered
   */
  readonly hostedZone?: route53.IHostedZone;

  /**
   * One path segment between the name and the endpoint's own path: `rakuten` makes
   * `https://postback.example.com/rakuten/postback`.
   * @default - none: `https://postback.example.com/postback`
   */
  readonly basePath?: string;

  /**
   * Whether API Gateway's own name of the API stops answering. Turn it on in a deployment **after**
   * the one that brings the domain: until the new URL is registered Rakuten sends to the old one.
   * @default false
   */
  readonly disableDefaultEndpoint?: boolean;

  /**
   * Makes the records latency records of this region, with a health check that sends a GET to the
   * region's own endpoint: other regions can have the same name, and a sender gets the nearest one
   * that answers (see `PostbackRelay`). Needs `hostedZone`, and a stack whose region is set.
   * @default false
   */
  readonly latencyRouting?: boolean;
}

export interface EndpointDomainProps {
  readonly domain: PostbackDomain;
  readonly endpointType: apigateway.EndpointType;
  readonly api: apigateway.RestApiBase;
  readonly stageName: string;
  /** Path of the endpoint below the stage, from its `/` on. */
  readonly path: string;
}

/**
 * The endpoint under a name of the user's: API Gateway's domain name and its certificate, the
 * mapping to the API, the records.
 */
export class EndpointDomain extends Construct {
  /** Base URL of what is mapped, without a slash at its end. */
  public readonly baseUrl: string;

  constructor(scope: Construct, id: string, props: EndpointDomainProps) {
    super(scope, id);
    const { domain, endpointType, api, stageName } = props;
    rejectProblems(this, [domainProblem(this, domain, endpointType)]);
    checkLocations(this, domain);
    const domainName = domain.existingDomain ?? this.newDomain(domain, endpointType);
    // By name, since the stage of an imported API is no construct here.
    new apigateway.CfnBasePathMapping(this, 'Mapping', {
      domainName: domainName.domainName,
      restApiId: api.restApiId,
      stage: stageName,
      basePath: domain.basePath,
    });
    this.baseUrl = `https://${domain.domainName ?? domainName.domainName}${domain.basePath === undefined ? '' : `/${domain.basePath}`}`;
    if (domain.hostedZone !== undefined) this.addRecords(domainName, domain.hostedZone, props);
    else if (domain.existingDomain === undefined) warnOfMissingRecords(this);
  }

  private newDomain(
    { domainName = '', certificate, hostedZone }: PostbackDomain,
    endpointType: apigateway.EndpointType,
  ): apigateway.DomainName {
    return new apigateway.DomainName(this, 'Name', {
      domainName,
      endpointType,
      certificate:
        certificate ??
        new acm.Certificate(this, 'Certificate', {
          domainName,
          validation: acm.CertificateValidation.fromDns(hostedZone),
        }),
      // Which version Rakuten speaks is not documented, so not 1.3 alone: a refused handshake is a
      // lost postback.
      securityPolicy: apigateway.SecurityPolicy.TLS_1_2,
    });
  }

  private addRecords(
    domainName: apigateway.IDomainName,
    zone: route53.IHostedZone,
    { domain, api, stageName, path }: EndpointDomainProps,
  ): void {
    const { region, urlSuffix } = Stack.of(this);
    const routing = domain.latencyRouting && {
      region,
      setIdentifier: region,
      healthCheck: new route53.HealthCheck(this, 'HealthCheck', {
        type: route53.HealthCheckType.HTTPS,
        fqdn: `${api.restApiId}.execute-api.${region}.${urlSuffix}`,
        resourcePath: `/${stageName}${path}`,
        regions: HEALTH_CHECK_REGIONS,
      }),
    };
    const record = {
      zone,
      // The dot at the end says that it is the whole name, also where the zone's own name is a
      // token.
      recordName: `${domain.domainName ?? domainName.domainName}.`,
      target: route53.RecordTarget.fromAlias(new targets.ApiGatewayDomain(domainName)),
      ...routing,
    };
    new route53.ARecord(this, 'Ipv4', record);
    new route53.AaaaRecord(this, 'Ipv6', record);
  }
}

function domainProblem(
  scope: Construct,
  domain: PostbackDomain,
  endpointType: apigateway.EndpointType,
): Problem {
  const { domainName, existingDomain, certificate, hostedZone, basePath, latencyRouting } = domain;
  if ((domainName === undefined) === (existingDomain === undefined)) {
    return 'domain has neither or both of domainName and existingDomain; give domainName for a new one, or existingDomain for one that API Gateway has already';
  }
  if (existingDomain !== undefined && certificate !== undefined) {
    return 'domain.certificate is for a new domain name, and domain.existingDomain has one; leave it out';
  }
  if (existingDomain === undefined && certificate === undefined && hostedZone === undefined) {
    return `domain '${domainName}' has no certificate; give domain.certificate, or domain.hostedZone, in which a certificate is validated and the records are made`;
  }
  if (
    basePath !== undefined &&
    !Token.isUnresolved(basePath) &&
    !/^[\w.~$+!*'()-]+$/.test(basePath)
  ) {
    return `domain.basePath is '${basePath}'; give one path segment without slashes, such as rakuten`;
  }
  if (latencyRouting && (hostedZone === undefined || Token.isUnresolved(Stack.of(scope).region))) {
    return 'domain.latencyRouting makes records for this region; give domain.hostedZone, and the stack a region (env)';
  }
  if (latencyRouting && domain.disableDefaultEndpoint) {
    return "domain.latencyRouting looks at the region's own endpoint, which domain.disableDefaultEndpoint switches off; leave one of them out";
  }
  return (
    nameProblem(domainName, hostedZone) ?? certificateProblem(scope, certificate, endpointType)
  );
}

function nameProblem(name: string | undefined, zone: route53.IHostedZone | undefined): Problem {
  if (name === undefined || Token.isUnresolved(name)) return undefined;
  if (
    !/^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/.test(name)
  ) {
    return `domain.domainName is '${name}'; give a name in small letters such as postback.example.com, without https:// and path`;
  }
  if (zone === undefined || Token.isUnresolved(zone.zoneName)) return undefined;
  const zoneName = zone.zoneName.replace(/\.$/, '');
  if (name === zoneName || name.endsWith(`.${zoneName}`)) return undefined;
  return `domain.domainName is '${name}', which is not in the hosted zone '${zoneName}'; give a name that ends with it`;
}

function certificateProblem(
  scope: Construct,
  certificate: acm.ICertificate | undefined,
  endpointType: apigateway.EndpointType,
): Problem {
  const { region } = Stack.of(scope);
  const isEdge = endpointType === apigateway.EndpointType.EDGE;
  const needed = isEdge ? EDGE_CERTIFICATE_REGION : region;
  const found = certificate === undefined ? region : locationOf(passed(certificate)).region;
  if (
    found === undefined ||
    found === needed ||
    Token.isUnresolved(found) ||
    Token.isUnresolved(needed)
  )
    return undefined;
  return isEdge
    ? `the certificate of domain is in ${found}, and an EDGE endpoint takes one in ${EDGE_CERTIFICATE_REGION} only; give domain.certificate, made in a stack of that region (with crossRegionReferences), or use endpointType REGIONAL`
    : `domain.certificate is in ${found}, and the endpoint in ${region} takes one of its own region only; give one from there, or leave it out and give domain.hostedZone`;
}

const passed = ({ certificateArn: arn, env }: acm.ICertificate): PassedResource => ({
  name: 'domain.certificate',
  arn,
  env,
});

function checkLocations(scope: Construct, { certificate, existingDomain }: PostbackDomain): void {
  const usedBy = 'the endpoint';
  // Its region depends on the type of the endpoint.
  if (certificate !== undefined)
    checkLocation(scope, passed(certificate), { usedBy, anyRegion: true });
  if (existingDomain !== undefined)
    checkLocation(scope, { name: 'domain.existingDomain', env: existingDomain.env }, { usedBy });
}

function warnOfMissingRecords(scope: Construct): void {
  Annotations.of(scope).addWarningV2(
    'cdk-rakuten-postback:domainWithoutRecords',
    'domain has no hostedZone, so no records are made, and the deployment fails at the self-test unless the name points to the endpoint by then: make the domain name beforehand and pass it as ' +
      'domain.existingDomain, or register with enabled: false and selfTest: false at first',
  );
}
