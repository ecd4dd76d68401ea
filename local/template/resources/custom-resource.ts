import type { LocalFunction } from '../../lambda/local-function';
import type { Maker, ProvisionContext, ResolvedResource } from '../context';
import { stackId } from '../intrinsics';
import { findFunction } from './function';

/**
 * The variable by which the function of CDK's provider framework knows the function that does the
 * work.
 */
const USER_FUNCTION_VARIABLE = 'USER_ON_EVENT_FUNCTION_ARN';

/** What a handler behind CDK's provider framework returns. */
interface OnEventResult {
  readonly PhysicalResourceId?: string;
  readonly Data?: Readonly<Record<string, unknown>>;
}

/**
 * Creates a custom resource by handing its event to the function behind CDK's provider framework,
 * in the form in which the framework does. The framework itself (which reports to CloudFormation)
 * does not run.
 */
export const makeCustomResource: Maker = async (resource, context) => {
  const { logicalId, type, properties } = resource;
  const event = {
    RequestType: 'Create',
    RequestId: `local-create-${logicalId}`,
    StackId: stackId(context.stackName),
    LogicalResourceId: logicalId,
    ResourceType: type,
    ResourceProperties: stringScalars(properties),
  };
  const result = ((await onEventFunction(resource, context).invoke(event)) ?? {}) as OnEventResult;
  const attributes = Object.entries(result.Data ?? {}).map(([name, value]) => [
    name,
    String(value),
  ]);
  return {
    ref: result.PhysicalResourceId ?? event.RequestId,
    attributes: Object.fromEntries(attributes),
  };
};

function onEventFunction(
  { logicalId, properties }: ResolvedResource,
  { functions }: ProvisionContext,
): LocalFunction {
  const framework = findFunction(functions, String(properties.ServiceToken));
  const target = findFunction(
    functions,
    framework?.definition.variables[USER_FUNCTION_VARIABLE] ?? '',
  );
  if (target === undefined) {
    throw new Error(
      `${logicalId}: only a custom resource behind CDK's provider framework is run locally, not ${String(properties.ServiceToken)}`,
    );
  }
  return target;
}

/** CloudFormation hands every scalar over as text. */
function stringScalars(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(stringScalars);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, stringScalars(inner)]),
    );
  }
  return String(value);
}
