import type {
  IntegrationResponse,
  RestApi,
  RestMethod,
  SqsIntegration,
} from '../../gateway/rest-api';
import { type MappingTemplate, parseTemplate } from '../../gateway/velocity';
import type { Maker, ResolvedResource } from '../context';

/** API Gateway's own limit where the template sets none. */
const DEFAULT_TIMEOUT_MILLIS = 29_000;

/**
 * Gathers the resources of REST APIs while they are made; a stage puts what was gathered on the
 * gateway.
 */
export class RestApiMakers {
  private readonly paths = new Map<string, string>();
  private readonly methods = new Map<string, RestMethod[]>();
  private readonly parsed = new Map<string, MappingTemplate>();

  public readonly makers: Readonly<Record<string, Maker>> = {
    'AWS::ApiGateway::RestApi': ({ logicalId }) => {
      const id = logicalId.slice(-10).toLowerCase();
      const root = `${id}-root`;
      this.paths.set(root, '/');
      this.methods.set(id, []);
      return { ref: id, attributes: { RestApiId: id, RootResourceId: root } };
    },
    'AWS::ApiGateway::Resource': ({ logicalId, properties }) => {
      const parent = this.paths.get(String(properties.ParentId)) ?? '/';
      this.paths.set(logicalId, `${parent === '/' ? '' : parent}/${String(properties.PathPart)}`);
      return { ref: logicalId, attributes: { ResourceId: logicalId } };
    },
    'AWS::ApiGateway::Method': (resource) => {
      const { logicalId, properties } = resource;
      this.methods.get(String(properties.RestApiId))?.push(this.method(resource));
      return { ref: logicalId, attributes: {} };
    },
    'AWS::ApiGateway::Deployment': ({ logicalId }) => ({
      ref: logicalId,
      attributes: { DeploymentId: logicalId },
    }),
    'AWS::ApiGateway::Stage': ({ properties }, { gateway }) => {
      gateway.deploy(this.stage(properties));
      return { ref: String(properties.StageName), attributes: {} };
    },
  };

  private stage(properties: ResolvedResource['properties']): RestApi {
    const id = String(properties.RestApiId);
    return {
      id,
      stage: String(properties.StageName),
      methods: this.methods.get(id) ?? [],
    };
  }

  private method({ logicalId, properties }: ResolvedResource): RestMethod {
    const resourcePath = this.paths.get(String(properties.ResourceId));
    if (resourcePath === undefined)
      throw new Error(`${logicalId}: its resource ${String(properties.ResourceId)} is not known`);
    return {
      httpMethod: String(properties.HttpMethod),
      resourcePath,
      integration: this.integration(
        logicalId,
        (properties.Integration ?? {}) as Record<string, unknown>,
      ),
      statusCodes: ((properties.MethodResponses ?? []) as { StatusCode: unknown }[]).map(
        ({ StatusCode }) => String(StatusCode),
      ),
    };
  }

  private integration(logicalId: string, integration: Record<string, unknown>): SqsIntegration {
    const [, account, queueName] =
      /:sqs:path\/([^/]+)\/([^/]+)$/.exec(String(integration.Uri)) ?? [];
    if (integration.Type !== 'AWS' || account === undefined || queueName === undefined) {
      throw new Error(
        `${logicalId}: only an AWS integration with an SQS queue by its path is run locally, not ${String(integration.Uri)}`,
      );
    }
    if (integration.PassthroughBehavior !== 'NEVER') {
      throw new Error(
        `${logicalId}: the passthrough behaviour ${String(integration.PassthroughBehavior)} is not run locally, only NEVER`,
      );
    }
    return {
      account,
      queueName,
      contentType: contentType(
        logicalId,
        (integration.RequestParameters ?? {}) as Record<string, string>,
      ),
      requestTemplates: this.templates(integration.RequestTemplates),
      responses: ((integration.IntegrationResponses ?? []) as Record<string, unknown>[]).map(
        (response) => this.response(response),
      ),
      timeoutMillis: Number(integration.TimeoutInMillis ?? DEFAULT_TIMEOUT_MILLIS),
    };
  }

  private response({
    StatusCode,
    SelectionPattern,
    ResponseTemplates,
  }: Record<string, unknown>): IntegrationResponse {
    return {
      statusCode: String(StatusCode),
      // An empty pattern counts as none.
      selectionPattern: SelectionPattern ? String(SelectionPattern) : undefined,
      templates: this.templates(ResponseTemplates),
    };
  }

  private templates(byType: unknown): Map<string, MappingTemplate> {
    return new Map(
      Object.entries((byType ?? {}) as Record<string, string>).map(([type, text]) => [
        type.toLowerCase(),
        this.parse(text),
      ]),
    );
  }

  /** The same text stands under several content types. */
  private parse(text: string): MappingTemplate {
    const known = this.parsed.get(text) ?? parseTemplate(text);
    this.parsed.set(text, known);
    return known;
  }
}

/**
 * The Content-Type of the backend request: a static text, in single quotes. Nothing else is mapped.
 */
function contentType(logicalId: string, parameters: Record<string, string>): string {
  const { 'integration.request.header.Content-Type': type, ...others } = parameters;
  const [other] = Object.keys(others);
  if (other !== undefined)
    throw new Error(`${logicalId}: the request parameter ${other} is not run locally`);
  const text = /^'(.*)'$/.exec(type ?? "'application/json'")?.[1];
  if (text === undefined)
    throw new Error(
      `${logicalId}: a Content-Type of ${type} is not run locally, only a static one`,
    );
  return text;
}
