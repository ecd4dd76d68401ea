/** Values of condition keys in a request. */
export type Context = Readonly<Record<string, string | readonly string[]>>;

/** A request that AWS authorizes. */
export interface Call {
  /** ARN of a role, name of a service, or `*` for anyone. */
  readonly principal: string;
  /** Such as `dynamodb:PutItem`. */
  readonly action: string;
  /** ARN, or `*` for an action that knows no resource. */
  readonly resource: string;
  readonly context: Context;
}

/** Every call is sent over TLS. */
export const callOf = (
  principal: string,
  action: string,
  resource: string,
  context: Context = {},
): Call => ({
  principal,
  action,
  resource,
  context: { 'aws:SecureTransport': 'true', ...context },
});

export function withoutRepetitions(calls: readonly Call[]): Call[] {
  return [...new Map(calls.map((call) => [JSON.stringify(call), call])).values()];
}

export const inWords = ({ principal, action, resource, context }: Call): string => {
  const { 'aws:SecureTransport': _, ...others } = context;
  return `${principal.replace(/^.*:role\//, '')}: ${action} on ${resource}${Object.keys(others).length === 0 ? '' : ` with ${JSON.stringify(others)}`}`;
};
