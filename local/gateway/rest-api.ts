import type { MappingTemplate } from './velocity';

/**
 * A REST API as its stage serves it: what the gateway needs of the template's resources, with the
 * mapping templates parsed.
 */
export interface RestApi {
  readonly id: string;
  readonly stage: string;
  readonly methods: readonly RestMethod[];
}

export interface RestMethod {
  readonly httpMethod: string;
  /** Below the stage, e.g. `/postback`. */
  readonly resourcePath: string;
  readonly integration: SqsIntegration;
  /** Status codes that the method declares. An integration response with another one is a 500. */
  readonly statusCodes: readonly string[];
}

/** An AWS integration with SQS by its path-style URI, the only kind that is run locally. */
export interface SqsIntegration {
  readonly account: string;
  readonly queueName: string;
  /** Content type of the request to the backend. */
  readonly contentType: string;
  /** By the content type of the client's request. */
  readonly requestTemplates: ReadonlyMap<string, MappingTemplate>;
  readonly responses: readonly IntegrationResponse[];
  readonly timeoutMillis: number;
}

export interface IntegrationResponse {
  readonly statusCode: string;
  /**
   * A regular expression for the whole of the backend's status code; the response without one is
   * the default.
   */
  readonly selectionPattern?: string;
  readonly templates: ReadonlyMap<string, MappingTemplate>;
}

/**
 * The integration response for a backend's status code: the first whose pattern matches the whole
 * code, else the one without a pattern. Undefined when nothing matches, which API Gateway answers
 * with a 500 of its own.
 */
export function selectResponse(
  responses: readonly IntegrationResponse[],
  backendStatus: number,
): IntegrationResponse | undefined {
  const matches = ({ selectionPattern }: IntegrationResponse) =>
    selectionPattern !== undefined &&
    new RegExp(`^(?:${selectionPattern})$`).test(String(backendStatus));
  return (
    responses.find(matches) ?? responses.find((response) => response.selectionPattern === undefined)
  );
}
