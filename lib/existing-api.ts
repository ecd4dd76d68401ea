import { Annotations, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import type { Construct, IDependable } from 'constructs';
import { assertValid, type Problem, rejectProblems } from './private/checks';
import { checkLocation } from './private/location';
import { resourceOf, templateProperties } from './private/template-properties';

/** A REST API that gets the endpoint as one more resource. */
export interface ExistingApi {
  /**
   * The resource below which `postback` is added: `api.root`, or one of your own such as
   * `api.root.addResource('rakuten')`. Of an API that was imported with
   * `RestApi.fromRestApiAttributes` too; give its `restApiName` there, since the name is what its
   * metrics are found by.
   */
  readonly resource: apigateway.IResource;

  /**
   * The stage that answers. Only for an imported API, whose stages are not known here: the stage
   * must exist, and the endpoint is deployed to it.
   * @default - the stage that the API deploys to
   */
  readonly stageName?: string;
}

/** Where the endpoint is mounted on an API of somebody else's making. */
export interface Mount {
  readonly api: apigateway.RestApiBase;
  readonly stageName: string;
  /** The resource that gets the GET method. */
  readonly resource: apigateway.Resource;
  /** Whether nobody but us deploys the method. */
  readonly isImported: boolean;
  readonly isEdge: boolean;
}

const REST_API = 'AWS::ApiGateway::RestApi';

const NOT_A_REST_API =
  'existingApi.resource is not a resource of a REST API that this aws-cdk-lib can extend; pass api.root of a RestApi, or import it with ' +
  'RestApi.fromRestApiAttributes. If it is one, the app has two different copies of aws-cdk-lib: "npm ls aws-cdk-lib" shows them; keep one';

/** Not by `instanceof`, which fails where an app has two copies of aws-cdk-lib. */
function isRestApi(api: apigateway.IRestApi | undefined): api is apigateway.RestApiBase {
  const { metricCount, arnForExecuteApi } = (api ?? {}) as Partial<apigateway.RestApiBase>;
  return typeof metricCount === 'function' && typeof arnForExecuteApi === 'function';
}

/**
 * Errors about an API whose next deployment would remove the endpoint.
 *
 * For a validation at synthesis, as the mode can be set until then.
 */
function overwritingErrors(api: apigateway.RestApiBase): string[] {
  const { Body, BodyS3Location, Mode } = templateProperties<{
    Body: unknown;
    BodyS3Location: unknown;
    Mode: string;
  }>(api, REST_API);
  if ((Body === undefined && BodyS3Location === undefined) || Mode === apigateway.RestApiMode.MERGE)
    return [];
  return [
    `existingApi is ${api.node.path}, which is defined by an OpenAPI document in the mode overwrite: each update of the document deletes what is not in it, the endpoint too. ` +
      'Set mode: RestApiMode.MERGE on that SpecRestApi, or leave existingApi out, so that the endpoint gets an API of its own',
  ];
}

/**
 * Adds the resource `pathPart`, whose method inherits none of what the API asks of its other
 * callers.
 */
export function mountOn(scope: Construct, existing: ExistingApi, pathPart: string): Mount {
  const { resource: parent } = existing;
  const { api } = parent;
  assertValid(scope, isRestApi(api), NOT_A_REST_API);
  checkLocation(
    scope,
    { name: 'existingApi', env: api.env },
    { usedBy: 'the queue behind the endpoint' },
  );
  const own = resourceOf(api, REST_API);
  rejectProblems(scope, [
    own === undefined ? importedProblem(existing) : ownedProblem(scope, existing, api),
  ]);
  assertValid(
    scope,
    parent.getResource(pathPart) === undefined,
    `existingApi.resource has a resource '${pathPart}' already; give it another one, such as api.root.addResource('rakuten')`,
  );
  if (own === undefined) warnOfImport(scope, api);
  else scope.node.addValidation({ validate: () => overwritingErrors(api) });
  return {
    api,
    isImported: own === undefined,
    isEdge: own !== undefined && endpointTypeOf(api) === apigateway.EndpointType.EDGE,
    stageName: existing.stageName ?? api.deploymentStage.stageName,
    resource: new apigateway.Resource(scope, 'Postback', {
      parent,
      pathPart,
      // Rakuten has no API key and nothing to authorize itself with, and what a validator refuses
      // is lost.
      defaultMethodOptions: {
        authorizationType: apigateway.AuthorizationType.NONE,
        authorizer: undefined,
        apiKeyRequired: false,
        requestParameters: undefined,
        requestValidator: undefined,
        requestValidatorOptions: undefined,
        requestModels: undefined,
      },
    }),
  };
}

/**
 * An imported API has no deployment that this app knows of, so a method that is added or changed
 * would never reach the stage. This one is keyed to all that the method consists of: each change of
 * it is a new deployment. What is returned must stand before the URL is registered.
 */
export function deployMethod(
  { api, stageName, resource }: Mount,
  method: apigateway.Method,
): IDependable {
  const deployment = new apigateway.Deployment(method, 'Deployment', {
    api,
    stageName,
    description: 'Brings the endpoint for Rakuten postbacks to the stage',
  });
  const { integration, methodResponses, authorizationType, apiKeyRequired } = method.node
    .defaultChild as apigateway.CfnMethod;
  deployment.addToLogicalId({
    path: resource.path,
    integration,
    methodResponses,
    authorizationType,
    apiKeyRequired,
  });
  deployment.node.addDependency(method);
  // API Gateway refuses to delete the deployment that a stage is on, and the stage stays.
  deployment.applyRemovalPolicy(RemovalPolicy.RETAIN);
  return deployment;
}

function importedProblem({ stageName }: ExistingApi): Problem {
  if (stageName !== undefined) return undefined;
  return 'existingApi is imported, so which of its stages answers is not known here; give existingApi.stageName, the name of a stage that exists';
}

function ownedProblem(
  scope: Construct,
  { stageName }: ExistingApi,
  api: apigateway.RestApiBase,
): Problem {
  if (Stack.of(api) !== Stack.of(scope)) {
    return (
      `existingApi is of the stack ${Stack.of(api).node.path}, whose deployment would have to wait for this stack while this one waits for that API; make the API in this stack, ` +
      'or import it here with RestApi.fromRestApiAttributes and give existingApi.stageName'
    );
  }
  if (stageName !== undefined) {
    return 'existingApi.stageName is for an imported API; this one says itself which stage it deploys to, so leave it out';
  }
  if (api.latestDeployment === undefined) {
    return 'existingApi has deploy: false, so nothing would bring the endpoint to a stage; let the API deploy itself';
  }
  if (endpointTypeOf(api) === apigateway.EndpointType.PRIVATE)
    return 'existingApi is PRIVATE, which Rakuten cannot reach from outside the VPC; use one that is REGIONAL or EDGE';
  return undefined;
}

/**
 * What the API says of itself; undefined for an imported one, and where it is only known at deploy
 * time.
 */
function endpointTypeOf(api: apigateway.RestApiBase): string | undefined {
  const { endpointConfiguration } = api.node.defaultChild as apigateway.CfnRestApi;
  // API Gateway's own default.
  if (endpointConfiguration === undefined) return apigateway.EndpointType.EDGE;
  if (Token.isUnresolved(endpointConfiguration)) return undefined;
  return (endpointConfiguration as apigateway.CfnRestApi.EndpointConfigurationProperty).types?.[0];
}

function warnOfImport(scope: Construct, api: apigateway.RestApiBase): void {
  // An import without a name is called after its construct, and AWS knows no such API.
  if (api.restApiName === api.node.id) {
    Annotations.of(scope).addWarningV2(
      'cdk-rakuten-postback:importedApiWithoutName',
      'existingApi was imported without its name, by which CloudWatch finds its metrics, so those of postback.api would be empty: give restApiName to RestApi.fromRestApiAttributes',
    );
  }
}
