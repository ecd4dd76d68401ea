/**
 * An invocation that did not end with a result: the handler threw, ran out of time, or its process
 * died.
 */
export class FunctionError extends Error {
  public readonly errorType: string;
  /** As the handler threw it. */
  public readonly errorMessage: string;

  public constructor(
    readonly functionName: string,
    {
      errorType,
      errorMessage,
      stack,
    }: { readonly errorType: string; readonly errorMessage: string; readonly stack?: string },
  ) {
    super(`${functionName}: ${errorMessage}`);
    this.errorType = errorType;
    this.errorMessage = errorMessage;
    if (stack !== undefined) this.stack = `${this.message}\n${stack}`;
  }
}
