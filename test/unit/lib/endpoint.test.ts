import fs from 'node:fs';
import { App, Annotations as CdkAnnotations, Fn, Lazy, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import {
  ApiDefinition,
  type CfnRestApi,
  DomainName,
  EndpointType,
  type IResource,
  type IRestApi,
  LambdaIntegration,
  MockIntegration,
  RequestAuthorizer,
  RestApi,
  RestApiMode,
  type RestApiProps,
  SpecRestApi,
} from 'aws-cdk-lib/aws-apigateway';
import { Certificate, type ICertificate } from 'aws-cdk-lib/aws-certificatemanager';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { HostedZone, type IHostedZone } from 'aws-cdk-lib/aws-route53';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { ENVIRONMENT, REGISTRATION_PROPERTIES } from '../../../core/names';
import {
  type ExistingApi,
  type PostbackDomain,
  PostbackRelay,
  type PostbackRelayProps,
  type RakutenPostbackProps,
} from '../../../lib';
import { permissionsInWords } from '../../support/iam-words';
import { Resources, type SomeProps, type StackOptions, withPostback } from '../../support/stacks';

/** A stack with what an endpoint needs, and without what only looks at it. */
const withEndpoint = (props: SomeProps = {}, options?: StackOptions) =>
  withPostback(
    (stack) => ({
      monitoring: { enabled: false },
      reconciliation: { enabled: false },
      statusWatch: { enabled: false },
      ...(typeof props === 'function' ? props(stack) : props),
    }),
    options,
  );

const HERE: StackOptions = { region: 'us-east-1', account: '111122223333' };
const NAME = 'postback.example.com';

const zoneIn = (stack: Stack): IHostedZone =>
  HostedZone.fromHostedZoneAttributes(stack, 'Zone', {
    hostedZoneId: 'Z0000000000EXAMPLE',
    zoneName: 'example.com',
  });
const certificateIn = (stack: Stack, region = 'us-east-1'): ICertificate =>
  Certificate.fromCertificateArn(
    stack,
    'Certificate',
    `arn:aws:acm:${region}:111122223333:certificate/00000000-0000-0000-0000-000000000000`,
  );

const urlOf = (resources: Resources): unknown =>
  resources.at('Postback/Publisher').Properties[REGISTRATION_PROPERTIES.endpointUrl];
const warningsOf = (stack: Stack): string[] =>
  Annotations.fromStack(stack)
    .findWarning('*', Match.stringLikeRegexp('cdk-rakuten-postback'))
    .map(({ entry }) => String(/cdk-rakuten-postback:(\w+)/.exec(String(entry.data))?.[1]));

afterEach(() => jest.restoreAllMocks());

describe('a domain', () => {
  const withDomain = (
    domain: (stack: Stack) => PostbackDomain,
    props: Partial<RakutenPostbackProps> = {},
    options = HERE,
  ) => withEndpoint((stack) => ({ domain: domain(stack), ...props }), options);

  it('in a hosted zone gets a certificate, a mapping and records, all before the URL with it is registered', () => {
    const { stack, postback } = withDomain((scope) => ({
      domainName: NAME,
      hostedZone: zoneIn(scope),
    }));
    const resources = new Resources(stack);
    expect(postback.endpointUrl).toBe(`https://${NAME}/postback`);
    expect(urlOf(resources)).toBe(postback.endpointUrl);

    const [certificate, name] = ['Certificate', 'Name'].map((id) =>
      resources.at(`Postback/IngestionApi/Domain/${id}`),
    );
    expect(certificate?.Properties).toMatchObject({
      DomainName: NAME,
      ValidationMethod: 'DNS',
      DomainValidationOptions: [{ DomainName: NAME, HostedZoneId: 'Z0000000000EXAMPLE' }],
    });
    expect(name?.Properties).toEqual({
      DomainName: NAME,
      EndpointConfiguration: { Types: ['REGIONAL'] },
      RegionalCertificateArn: { Ref: certificate?.logicalId },
      SecurityPolicy: 'TLS_1_2',
    });
    expect(resources.at('Postback/IngestionApi/Domain/Mapping').Properties).toEqual({
      DomainName: { Ref: name?.logicalId },
      RestApiId: { Ref: resources.at('Postback/IngestionApi/Api').logicalId },
      Stage: { Ref: resources.of('AWS::ApiGateway::Stage')[0]?.logicalId },
    });
    for (const [id, type] of [
      ['Ipv4', 'A'],
      ['Ipv6', 'AAAA'],
    ] as const) {
      expect(resources.at(`Postback/IngestionApi/Domain/${id}`).Properties).toEqual({
        Name: `${NAME}.`,
        Type: type,
        HostedZoneId: 'Z0000000000EXAMPLE',
        AliasTarget: {
          DNSName: { 'Fn::GetAtt': [name?.logicalId, 'RegionalDomainName'] },
          HostedZoneId: { 'Fn::GetAtt': [name?.logicalId, 'RegionalHostedZoneId'] },
        },
      });
    }
    expect(resources.dependenciesOf('Postback/Publisher')).toEqual(
      expect.arrayContaining(
        ['Mapping', 'Ipv4', 'Ipv6'].map((id) => `Postback/IngestionApi/Domain/${id}`),
      ),
    );
    expect(warningsOf(stack)).toEqual([]);
  });

  it('may have a path before the endpoint', () => {
    const { stack, postback } = withDomain((scope) => ({
      domainName: NAME,
      hostedZone: zoneIn(scope),
      basePath: 'rakuten',
    }));
    expect(postback.endpointUrl).toBe(`https://${NAME}/rakuten/postback`);
    expect(
      new Resources(stack).at('Postback/IngestionApi/Domain/Mapping').Properties.BasePath,
    ).toBe('rakuten');
  });

  it('whose DNS is elsewhere takes a certificate of the user, makes no record and says what that asks for', () => {
    const { stack } = withDomain((scope) => ({
      domainName: NAME,
      certificate: certificateIn(scope),
    }));
    const resources = new Resources(stack);
    expect([
      ...resources.of('AWS::Route53::RecordSet'),
      ...resources.of('AWS::CertificateManager::Certificate'),
    ]).toEqual([]);
    expect(warningsOf(stack)).toEqual(['domainWithoutRecords']);
    CdkAnnotations.of(stack).acknowledgeWarning(
      'cdk-rakuten-postback:domainWithoutRecords',
      'the name points there',
    );
    expect(warningsOf(stack)).toEqual([]);
  });

  it('that API Gateway has already gets the mapping, and records where a zone is given', () => {
    const existing = (stack: Stack) =>
      DomainName.fromDomainNameAttributes(stack, 'Domain', {
        domainName: 'api.example.com',
        domainNameAliasHostedZoneId: 'Z1',
        domainNameAliasTarget: 'd-1.execute-api.us-east-1.amazonaws.com',
      });
    const { stack, postback } = withDomain((scope) => ({
      existingDomain: existing(scope),
      basePath: 'rakuten',
    }));
    const resources = new Resources(stack);
    expect(postback.endpointUrl).toBe('https://api.example.com/rakuten/postback');
    expect(resources.at('Postback/IngestionApi/Domain/Mapping').Properties.DomainName).toBe(
      'api.example.com',
    );
    expect([
      ...resources.of('AWS::Route53::RecordSet'),
      ...resources.of('AWS::ApiGateway::DomainName'),
    ]).toEqual([]);
    expect(warningsOf(stack)).toEqual([]);

    const named = new Resources(
      withDomain((scope) => ({ existingDomain: existing(scope), hostedZone: zoneIn(scope) })).stack,
    );
    expect(
      named
        .of('AWS::Route53::RecordSet')
        .map(({ Properties }) => [Properties.Name, Properties.AliasTarget.DNSName]),
    ).toEqual([
      ['api.example.com.', 'd-1.execute-api.us-east-1.amazonaws.com'],
      ['api.example.com.', 'd-1.execute-api.us-east-1.amazonaws.com'],
    ]);
  });

  it('of an EDGE endpoint has its certificate in us-east-1', () => {
    const name = (resources: Resources) =>
      resources.at('Postback/IngestionApi/Domain/Name').Properties;
    const edge = { endpointType: EndpointType.EDGE };
    const made = new Resources(
      withDomain((scope) => ({ domainName: NAME, hostedZone: zoneIn(scope) }), edge).stack,
    );
    expect(name(made)).toMatchObject({
      EndpointConfiguration: { Types: ['EDGE'] },
      CertificateArn: { Ref: expect.any(String) },
    });

    const far = { ...HERE, region: 'ap-northeast-1' };
    const given = new Resources(
      withDomain((scope) => ({ domainName: NAME, certificate: certificateIn(scope) }), edge, far)
        .stack,
    );
    expect(name(given).CertificateArn).toContain('arn:aws:acm:us-east-1:');
    expect(() =>
      withDomain((scope) => ({ domainName: NAME, hostedZone: zoneIn(scope) }), edge, far),
    ).toThrow(
      'Stack/Postback/IngestionApi/Domain: the certificate of domain is in ap-northeast-1, and an EDGE endpoint takes one in us-east-1 only',
    );
    expect(() =>
      withDomain((scope) => ({ domainName: NAME, certificate: certificateIn(scope) }), {}, far),
    ).toThrow(
      'domain.certificate is in us-east-1, and the endpoint in ap-northeast-1 takes one of its own region only',
    );
  });

  it('lets the name of API Gateway be switched off, with a new deployment, without which that has no effect', () => {
    const resources = (disableDefaultEndpoint?: boolean) =>
      new Resources(
        withDomain((scope) => ({
          domainName: NAME,
          hostedZone: zoneIn(scope),
          disableDefaultEndpoint,
        })).stack,
      );
    const [open, closed] = [resources(), resources(true)];
    expect(
      open.at('Postback/IngestionApi/Api').Properties.DisableExecuteApiEndpoint,
    ).toBeUndefined();
    expect(closed.at('Postback/IngestionApi/Api').Properties.DisableExecuteApiEndpoint).toBe(true);
    const deployment = (r: Resources) => r.of('AWS::ApiGateway::Deployment')[0]?.logicalId;
    expect(deployment(closed)).not.toBe(deployment(open));
  });

  it('can be shared with other regions: latency records, each with a look at its own endpoint', () => {
    const { stack } = withDomain((scope) => ({
      domainName: NAME,
      hostedZone: zoneIn(scope),
      latencyRouting: true,
    }));
    const resources = new Resources(stack);
    const health = resources.at('Postback/IngestionApi/Domain/HealthCheck');
    expect(health.Properties.HealthCheckConfig).toMatchObject({
      Type: 'HTTPS',
      Regions: ['us-east-1', 'us-west-1', 'us-west-2'],
    });
    expect(JSON.stringify(health.Properties.HealthCheckConfig)).toContain(
      '.execute-api.us-east-1.',
    );
    for (const { Properties } of resources.of('AWS::Route53::RecordSet')) {
      expect(Properties).toMatchObject({
        Region: 'us-east-1',
        SetIdentifier: 'us-east-1',
        HealthCheckId: expect.anything(),
      });
    }
  });

  it.each<[string, (stack: Stack) => PostbackDomain, string]>([
    ['no name', () => ({}), 'domain has neither or both of domainName and existingDomain'],
    [
      'no certificate',
      () => ({ domainName: NAME }),
      `domain '${NAME}' has no certificate; give domain.certificate, or domain.hostedZone`,
    ],
    [
      'a URL',
      (s) => ({ domainName: 'https://a.example.com', hostedZone: zoneIn(s) }),
      'give a name in small letters such as postback.example.com',
    ],
    [
      'capitals',
      (s) => ({ domainName: 'A.example.com', hostedZone: zoneIn(s) }),
      "domain.domainName is 'A.example.com'",
    ],
    [
      'another zone',
      (s) => ({ domainName: 'a.example.org', hostedZone: zoneIn(s) }),
      "which is not in the hosted zone 'example.com'",
    ],
    [
      'an end by chance',
      (s) => ({ domainName: 'a.myexample.com', hostedZone: zoneIn(s) }),
      'which is not in the hosted zone',
    ],
    [
      'a long path',
      (s) => ({ domainName: NAME, hostedZone: zoneIn(s), basePath: 'a/b' }),
      "domain.basePath is 'a/b'; give one path segment",
    ],
    [
      'latency without a zone',
      (s) => ({ domainName: NAME, certificate: certificateIn(s), latencyRouting: true }),
      'give domain.hostedZone',
    ],
    [
      'a look at what is switched off',
      (s) => ({
        domainName: NAME,
        hostedZone: zoneIn(s),
        latencyRouting: true,
        disableDefaultEndpoint: true,
      }),
      'leave one of them out',
    ],
  ])('with %s is refused', (_what, domain, message) => {
    expect(() => withDomain(domain)).toThrow(message);
  });

  it('and a base URL of something else are not both possible', () => {
    expect(() =>
      withDomain((s) => ({ domainName: NAME, hostedZone: zoneIn(s) }), {
        endpointBaseUrl: 'https://a.example.com',
      }),
    ).toThrow('domain and endpointBaseUrl both say under which URL');
  });
});

describe('an existing API', () => {
  const ownApi = (stack: Stack, props: RestApiProps = {}): RestApi => {
    const api = new RestApi(stack, 'Shop', { cloudWatchRole: false, ...props });
    api.root.addMethod('GET', new MockIntegration());
    return api;
  };
  const importedApi = (stack: Stack, restApiName?: string): IRestApi =>
    RestApi.fromRestApiAttributes(stack, 'Shop', {
      restApiId: 'abc123',
      rootResourceId: 'root1',
      restApiName,
    });
  const mountedOn = (
    existing: (stack: Stack) => ExistingApi,
    props: Partial<RakutenPostbackProps> = {},
  ) => withEndpoint((stack) => ({ existingApi: existing(stack), ...props }), HERE);
  const METHOD = 'Postback/IngestionApi/Postback/GET';
  const apiOf = (resources: Resources) => resources.of('AWS::ApiGateway::RestApi')[0]?.logicalId;

  it('of the app gets the endpoint below a resource of it, and deploys it before the URL is registered', () => {
    const { stack, postback } = mountedOn((scope) => ({
      resource: ownApi(scope).root.addResource('rakuten'),
    }));
    const resources = new Resources(stack);
    const [api, ...more] = resources.of('AWS::ApiGateway::RestApi');
    expect(more).toEqual([]);
    expect(resources.at(METHOD).Properties).toMatchObject({
      RestApiId: { Ref: api?.logicalId },
      AuthorizationType: 'NONE',
    });
    expect(resources.at('Postback/IngestionApi/Postback').Properties).toMatchObject({
      PathPart: 'postback',
      ParentId: { Ref: resources.at('Shop/Default/rakuten').logicalId },
    });
    const [deployment] = resources.of('AWS::ApiGateway::Deployment');
    expect(resources.dependenciesOf(resources.pathOf(String(deployment?.logicalId)))).toContain(
      METHOD,
    );
    expect(resources.dependenciesOf('Postback/Publisher')).toEqual(
      expect.arrayContaining([METHOD, 'Shop/DeploymentStage.prod']),
    );
    expect(JSON.stringify(urlOf(resources))).toMatch(/"\/rakuten\/postback"\]\]/);
    expect(postback.api.restApiName).toBe('Shop');
    expect(warningsOf(stack)).toEqual([]);
  });

  it('may have methods that wait for the table, although the functions know the URL', () => {
    const readsTable = (scope: Stack, table: string) =>
      new LambdaIntegration(
        new LambdaFunction(scope, 'Code', {
          runtime: Runtime.NODEJS_24_X,
          handler: 'a.b',
          code: Code.fromInline('//'),
          environment: { TABLE: table },
        }),
      );
    const { stack, postback } = mountedOn((scope) => ({ resource: ownApi(scope).root }), {
      statusWatch: {},
    });
    postback.api.root.addMethod('POST', readsTable(stack, postback.table.tableName));
    // Fails for a cycle.
    const resources = new Resources(stack);
    const url = {
      'Fn::Join': [
        '',
        [
          'https://',
          { Ref: apiOf(resources) },
          '.execute-api.us-east-1.',
          { Ref: 'AWS::URLSuffix' },
          '/prod/postback',
        ],
      ],
    };
    for (const path of ['Postback/RegistrationProvider/Function', 'Postback/StatusWatch/Function'])
      expect(resources.at(path).Properties.Environment.Variables).toMatchObject({
        [ENVIRONMENT.endpointUrl]: url,
        [ENVIRONMENT.rakutenApiUrl]: 'https://api.linksynergy.com',
      });

    const own = withEndpoint();
    own.postback.api.root.addMethod('POST', readsTable(own.stack, own.postback.table.tableName));
    expect(() => Template.fromStack(own.stack)).not.toThrow();
  });

  it('leaves the functions without its URL where its definition may wait for the table', () => {
    const { stack, postback } = mountedOn((scope) => {
      const table = Lazy.string({ produce: () => postback.table.tableName });
      const apiDefinition = ApiDefinition.fromInline({
        openapi: '3.0.1',
        info: { title: 'Shop', version: '1' },
        paths: {},
        'x-table': table,
      });
      return {
        resource: new SpecRestApi(scope, 'Spec', {
          apiDefinition,
          mode: RestApiMode.MERGE,
          cloudWatchRole: false,
        }).root,
      };
    });
    const { Variables } = new Resources(stack).at('Postback/RegistrationProvider/Function')
      .Properties.Environment;
    expect(Variables[ENVIRONMENT.endpointUrl]).toBeUndefined();
  });

  it('asks of Rakuten nothing that it asks of its other callers', () => {
    const authorizer = (stack: Stack) =>
      new RequestAuthorizer(stack, 'Authorizer', {
        handler: new LambdaFunction(stack, 'Code', {
          runtime: Runtime.NODEJS_24_X,
          handler: 'a.b',
          code: Code.fromInline('//'),
        }),
        identitySources: ['method.request.header.Authorization'],
      });
    const { stack } = mountedOn((scope) => ({
      resource: ownApi(scope, {
        binaryMediaTypes: ['*/*'],
        defaultMethodOptions: {
          authorizer: authorizer(scope),
          apiKeyRequired: true,
          requestParameters: { 'method.request.header.X-Tenant': true },
          requestValidatorOptions: { validateRequestParameters: true },
        },
      }).root,
    }));
    const { Properties } = new Resources(stack).at(METHOD);
    expect(Properties).toMatchObject({ AuthorizationType: 'NONE', ApiKeyRequired: false });
    for (const name of ['AuthorizerId', 'RequestParameters', 'RequestValidatorId'])
      expect(Properties[name]).toBeUndefined();
    // The API takes every type as binary, and a template needs text.
    expect(Properties.Integration.ContentHandling).toBe('CONVERT_TO_TEXT');
  });

  it('that was imported is deployed to its stage, again whenever the endpoint changes, and never taken off it', () => {
    const mount = () =>
      mountedOn((scope) => ({ resource: importedApi(scope, 'shop').root, stageName: 'live' }));
    const { stack, postback } = mount();
    const resources = new Resources(stack);
    const [deployment, ...more] = resources.of('AWS::ApiGateway::Deployment');
    expect([
      more,
      resources.of('AWS::ApiGateway::Stage'),
      resources.of('AWS::ApiGateway::RestApi'),
    ]).toEqual([[], [], []]);
    expect(deployment).toMatchObject({
      Properties: { RestApiId: 'abc123', StageName: 'live' },
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
    });
    const path = resources.pathOf(String(deployment?.logicalId));
    expect(resources.dependenciesOf(path)).toContain(METHOD);
    expect(resources.dependenciesOf('Postback/Publisher')).toContain(path);
    expect(postback.endpointUrl).toMatch(
      /^https:\/\/abc123\.execute-api\.us-east-1\..*\/live\/postback$/,
    );
    expect(postback.api.restApiName).toBe('shop');
    expect(warningsOf(stack)).toEqual([]);

    const idOf = (r: Resources) => r.of('AWS::ApiGateway::Deployment')[0]?.logicalId;
    expect(idOf(new Resources(mount().stack))).toBe(idOf(resources));
    const read = fs.readFileSync;
    jest
      .spyOn(fs, 'readFileSync')
      .mockImplementation(((file: string, encoding: BufferEncoding) =>
        file.endsWith('.vtl')
          ? `${read(file, encoding)}&x=1`
          : read(file, encoding)) as typeof fs.readFileSync);
    expect(idOf(new Resources(mount().stack))).not.toBe(idOf(resources));
  });

  it('that was imported without its name is warned of: its metrics are found by it', () => {
    const { stack } = mountedOn((scope) => ({
      resource: importedApi(scope).root,
      stageName: 'live',
    }));
    expect(warningsOf(stack)).toEqual(['importedApiWithoutName']);
  });

  it('may have a domain of the endpoint, or a base URL of its own', () => {
    const imported = (scope: Stack): ExistingApi => ({
      resource: importedApi(scope, 'shop').root,
      stageName: 'live',
    });
    const { stack, postback } = withEndpoint(
      (scope) => ({
        existingApi: imported(scope),
        domain: { domainName: NAME, hostedZone: zoneIn(scope) },
      }),
      HERE,
    );
    expect(postback.endpointUrl).toBe(`https://${NAME}/postback`);
    expect(
      new Resources(stack).at('Postback/IngestionApi/Domain/Mapping').Properties,
    ).toMatchObject({
      RestApiId: 'abc123',
      Stage: 'live',
    });
    const proxied = mountedOn(imported, {
      endpointBaseUrl: 'https://proxy.example.com/{apiId}/{stage}/',
    });
    expect(proxied.postback.endpointUrl).toBe('https://proxy.example.com/abc123/live/postback');
  });

  it('that an OpenAPI document overwrites is rejected at synthesis, and one that it is merged into is not', () => {
    const apiDefinition = ApiDefinition.fromInline({
      openapi: '3.0.1',
      info: { title: 'Shop', version: '1' },
      paths: {},
    });
    const build = (mode?: RestApiMode) =>
      mountedOn((scope) => ({
        resource: new SpecRestApi(scope, 'Spec', { apiDefinition, mode, cloudWatchRole: false })
          .root,
      }));
    const errors = ({ postback }: ReturnType<typeof build>): string[] =>
      postback.node.findChild('IngestionApi').node.validate();
    const overwritten = [
      expect.stringMatching(
        /^existingApi is Stack\/Spec, .* in the mode overwrite: .* Set mode: RestApiMode\.MERGE on that SpecRestApi/,
      ),
    ];
    expect(errors(build())).toEqual(overwritten);
    expect(errors(build(RestApiMode.OVERWRITE))).toEqual(overwritten);
    expect(errors(build(RestApiMode.MERGE))).toEqual([]);
    expect(() => Template.fromStack(build().stack)).toThrow(
      'existingApi is Stack/Spec, which is defined by an OpenAPI document',
    );

    const late = build();
    (late.stack.node.findChild('Spec').node.defaultChild as CfnRestApi).addPropertyOverride(
      'Mode',
      'merge',
    );
    expect(errors(late)).toEqual([]);
    const escaped = mountedOn((scope) => {
      const api = ownApi(scope);
      (api.node.defaultChild as CfnRestApi).bodyS3Location = {
        bucket: 'documents',
        key: 'shop.yaml',
      };
      return { resource: api.root };
    });
    expect(errors(escaped)).toEqual([expect.stringContaining('existingApi is Stack/Shop')]);
    expect(errors(mountedOn((scope) => ({ resource: ownApi(scope).root })))).toEqual([]);
  });

  it('of a second copy of aws-cdk-lib is known by its resource, not by its class', () => {
    let other: typeof RestApi | undefined;
    jest.isolateModules(() => {
      other = require('aws-cdk-lib/aws-apigateway').RestApi;
    });
    const CopiedApi = other as typeof RestApi;
    expect(CopiedApi).not.toBe(RestApi);
    const { stack } = mountedOn((scope) => {
      const api = new CopiedApi(scope, 'Shop', { cloudWatchRole: false });
      return { resource: api.root.addResource('rakuten') };
    });
    const resources = new Resources(stack);
    expect(resources.dependenciesOf('Postback/Publisher')).toEqual(
      expect.arrayContaining([METHOD, 'Shop/DeploymentStage.prod']),
    );
    expect(() =>
      mountedOn((scope) => ({
        resource: new CopiedApi(scope, 'Shop', { cloudWatchRole: false, deploy: false }).root,
      })),
    ).toThrow('existingApi has deploy: false');
    const imported = mountedOn((scope) => ({
      resource: CopiedApi.fromRestApiAttributes(scope, 'Shop', {
        restApiId: 'a',
        rootResourceId: 'b',
        restApiName: 'shop',
      }).root,
      stageName: 'live',
    }));
    expect(new Resources(imported.stack).of('AWS::ApiGateway::Deployment')).toHaveLength(1);
  });

  it('that is not a REST API of aws-cdk-lib is rejected, with how to find a second copy', () => {
    const build = (resource: unknown) => () =>
      mountedOn(() => ({ resource: resource as IResource }));
    const message =
      /^Stack\/Postback\/IngestionApi: existingApi\.resource is not a resource of a REST API .*two different copies of aws-cdk-lib: "npm ls aws-cdk-lib" shows them; keep one$/;
    expect(build({ api: { node: {} } })).toThrow(message);
    expect(build({})).toThrow(message);
  });

  it('far from the sender is warned of, unless it has an edge, as every API has that does not say otherwise', () => {
    const far = (props?: RestApiProps): string[] =>
      warningsOf(
        withEndpoint((scope) => ({ existingApi: { resource: ownApi(scope, props).root } }), {
          ...HERE,
          region: 'eu-west-1',
        }).stack,
      );
    expect(far({ endpointConfiguration: { types: [EndpointType.REGIONAL] } })).toEqual([
      'endpointFarFromSender',
    ]);
    expect(far()).toEqual([]);
  });

  it.each<[string, Partial<RakutenPostbackProps>, string]>([
    ['endpointType', { endpointType: EndpointType.EDGE }, 'endpointConfiguration of that API'],
    ['throttling', { throttling: { rateLimit: 1 } }, 'deployOptions.methodOptions of that API'],
    [
      'webAclArn',
      { webAclArn: Fn.importValue('Acl') },
      'a wafv2.CfnWebACLAssociation with the stage of that API',
    ],
    ['allowedSourceRanges', { allowedSourceRanges: ['203.0.113.0/24'] }, 'the policy of that API'],
    ['accessLogs', { accessLogs: {} }, 'deployOptions.accessLogDestination of that API'],
    [
      'domain.disableDefaultEndpoint',
      { domain: { domainName: NAME, disableDefaultEndpoint: true } },
      'disableExecuteApiEndpoint of that API',
    ],
  ])('is not changed as a whole: %s is refused, with where to set it', (name, props, place) => {
    const build = () => mountedOn((scope) => ({ resource: ownApi(scope).root }), props);
    expect(build).toThrow(
      `Stack/Postback/IngestionApi: ${name} is of a whole API, and the one of existingApi has an owner; set it there: ${place}`,
    );
  });

  it.each<[string, (stack: Stack) => { resource: IResource; stageName?: string }, string]>([
    [
      'is imported, and no stage named',
      (s) => ({ resource: importedApi(s, 'shop').root }),
      'give existingApi.stageName, the name of a stage that exists',
    ],
    [
      'says its stage itself, and one is named',
      (s) => ({ resource: ownApi(s).root, stageName: 'x' }),
      'so leave it out',
    ],
    [
      'is never deployed',
      (s) => ({ resource: ownApi(s, { deploy: false }).root }),
      'existingApi has deploy: false',
    ],
    [
      'is private',
      (s) => ({
        resource: ownApi(s, { endpointConfiguration: { types: [EndpointType.PRIVATE] } }).root,
      }),
      'existingApi is PRIVATE, which Rakuten cannot reach',
    ],
    [
      'is of another stack',
      (s) => ({ resource: ownApi(new Stack(s.node.root, 'Other', { env: s.env as object })).root }),
      'import it here with',
    ],
  ])('that %s is refused', (_what, existing, message) => {
    expect(() => mountedOn(existing)).toThrow(message);
  });
});

describe('access logs', () => {
  const stageOf = (resources: Resources) => resources.of('AWS::ApiGateway::Stage')[0]?.Properties;

  it('are off by default, and with enabled: false', () => {
    for (const accessLogs of [undefined, { enabled: false, accountRole: true }]) {
      const { stack } = withEndpoint({ accessLogs });
      expect(stageOf(new Resources(stack)).AccessLogSetting).toBeUndefined();
      expect(new Resources(stack).of('AWS::ApiGateway::Account')).toEqual([]);
    }
  });

  it('tell who sent, how it was answered and how long it took, and nothing that could have the secret in it', () => {
    const { stack } = withEndpoint({ accessLogs: {}, logRetention: RetentionDays.ONE_WEEK });
    const resources = new Resources(stack);
    const { DestinationArn, Format } = stageOf(resources).AccessLogSetting;
    const group = resources.at('Postback/IngestionApi/AccessLogs');
    expect(JSON.stringify(DestinationArn)).toContain(group.logicalId);
    expect(group.Properties.RetentionInDays).toBe(7);
    expect(Object.keys(JSON.parse(Format))).toEqual(
      expect.arrayContaining([
        'requestId',
        'sourceIp',
        'userAgent',
        'protocol',
        'status',
        'latency',
        'integrationLatency',
        'integrationError',
      ]),
    );
    expect(JSON.parse(Format).requestId).toBe('$context.extendedRequestId');
    for (const value of Object.values<string>(JSON.parse(Format))) {
      expect(value).toMatch(/^\$context\.[\w.]+$/);
      expect(value).not.toMatch(/querystring|\.path$|header|params|\.requestOverride/i);
    }
    expect(resources.of('AWS::ApiGateway::Account')).toEqual([]);
    expect(warningsOf(stack)).toEqual(['accessLogsNeedAccountRole']);
  });

  it('come with the role of the account where that is asked for, before the stage, and it stays', () => {
    const { stack } = withEndpoint({ accessLogs: { accountRole: true } });
    const resources = new Resources(stack);
    const [account] = resources.of('AWS::ApiGateway::Account');
    expect(account).toMatchObject({ DeletionPolicy: 'Retain' });
    expect(resources.dependenciesOf('Postback/IngestionApi/Api/DeploymentStage.prod')).toContain(
      resources.pathOf(String(account?.logicalId)),
    );
    expect(warningsOf(stack)).toEqual([]);
  });

  it('go where the user wants them', () => {
    const { stack } = withEndpoint(
      (scope) => ({ accessLogs: { logGroup: LogGroup.fromLogGroupName(scope, 'Logs', 'edge') } }),
      HERE,
    );
    const resources = new Resources(stack);
    expect(JSON.stringify(stageOf(resources).AccessLogSetting.DestinationArn)).toContain(
      ':log-group:edge',
    );
    expect(() => resources.at('Postback/IngestionApi/AccessLogs')).toThrow('nothing at');
  });
});

describe('a relay in another region', () => {
  const TARGET = 'arn:aws:sqs:us-east-1:111122223333:postbacks';
  function withRelay(
    props: Partial<PostbackRelayProps> | ((stack: Stack) => Partial<PostbackRelayProps>) = {},
    region = 'us-west-2',
  ) {
    const app = new App({ context: { 'aws:cdk:enable-path-metadata': true } });
    const stack = new Stack(app, 'Stack', { env: { region, account: '111122223333' } });
    const given = typeof props === 'function' ? props(stack) : props;
    const relay = new PostbackRelay(stack, 'Relay', {
      queue: Queue.fromQueueArn(stack, 'Target', TARGET),
      ...given,
    });
    return { stack, relay, resources: new Resources(stack) };
  }

  it('has the same endpoint before a queue of its own, which keeps what the other region does not take for as long as SQS can', () => {
    const { relay, resources } = withRelay((scope) => ({
      domain: { domainName: NAME, hostedZone: zoneIn(scope), latencyRouting: true },
    }));
    expect(relay.endpointUrl).toBe(`https://${NAME}/postback`);
    const [queue, ...more] = resources.of('AWS::SQS::Queue');
    expect(more).toEqual([]);
    expect(queue?.Properties).toEqual({
      MessageRetentionPeriod: 1209600,
      SqsManagedSseEnabled: true,
      VisibilityTimeout: 180,
    });
    const uri = JSON.stringify(
      resources.at('Relay/IngestionApi/Api/Default/postback/GET').Properties.Integration.Uri,
    );
    expect(uri).toContain(`{"Fn::GetAtt":["${queue?.logicalId}","QueueName"]}`);
    expect(
      resources.of('AWS::Route53::RecordSet').map(({ Properties }) => Properties.Region),
    ).toEqual(['us-west-2', 'us-west-2']);
    expect(resources.of('Custom::RakutenPostbackRegistration')).toEqual([]);
  });

  it('knows where to, and may send there and do nothing else', () => {
    const { stack, resources } = withRelay();
    expect(resources.at('Relay/Function').Properties.Environment.Variables).toMatchObject({
      [ENVIRONMENT.queueUrl]: expect.anything(),
      [ENVIRONMENT.queueRegion]: 'us-east-1',
    });
    expect(resources.of('AWS::Lambda::EventSourceMapping')[0]?.Properties).toMatchObject({
      BatchSize: 10,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    });
    const words = permissionsInWords(resources.template, `${stack.node.path}/Relay`);
    expect(words.filter((w) => w.includes('SendMessage'))).toEqual([
      'FunctionRole may sqs:SendMessage on arn:aws:sqs:us-east-1:111122223333:postbacks',
      'IngestionApi/SendRole may sqs:SendMessage on Queue',
    ]);
  });

  it('takes the queue of a RakutenPostback in another stack of the app', () => {
    const app = new App();
    const [east, west] = ['us-east-1', 'us-west-2'].map(
      (region) =>
        new Stack(app, region, {
          env: { region, account: '111122223333' },
          crossRegionReferences: true,
        }),
    ) as [Stack, Stack];
    const queue = new Queue(east, 'Queue');
    new PostbackRelay(west, 'Relay', { queue });
    expect(() => app.synth()).not.toThrow();
    expect(west.dependencies).toEqual([east]);
  });

  it('is refused in the region of the queue, and where that is not known', () => {
    expect(() => withRelay({}, 'us-east-1')).toThrow(
      'Stack/Relay: the queue is in us-east-1, as the relay is',
    );
    const nowhere = new Queue(new Stack(), 'Queue');
    expect(() => withRelay({ queue: nowhere })).toThrow(
      'Stack/Relay: the region of the queue is not known; give its stack one (env)',
    );
  });
});
