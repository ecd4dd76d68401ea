/** Content of an error. Nothing secret. */
export interface UserErrorFields {
  /** Name of the error in logs. @default UserError */
  readonly name?: string;
  /** What is wrong and where, without the period at its end. */
  readonly problem: string;
  /** What the problem means for the user. */
  readonly meaning?: string;
  /** How to fix it. Absent where the problem says so, or where the caller knows better. */
  readonly nextStep?: string;
  /** HTTP status of the response that reported the problem. */
  readonly status?: number;
  /** Operation that failed. */
  readonly operation?: string;
  /** The other side's id of the failed request. */
  readonly requestId?: string;
  readonly cause?: unknown;
}

/** An error for the user: what is wrong, what it means and how to fix it. */
export class UserError extends Error {
  readonly problem: string;
  readonly meaning: string | undefined;
  readonly nextStep: string | undefined;
  readonly status: number | undefined;
  readonly operation: string | undefined;
  readonly requestId: string | undefined;

  constructor(fields: UserErrorFields) {
    super(render(fields), { cause: fields.cause });
    this.name = fields.name ?? 'UserError';
    this.problem = fields.problem;
    this.meaning = fields.meaning;
    this.nextStep = fields.nextStep;
    this.status = fields.status;
    this.operation = fields.operation;
    this.requestId = fields.requestId;
  }

  /** The message without its next step. */
  get summary(): string {
    return render({ ...this, nextStep: undefined });
  }
}

function render({ problem, requestId, meaning, nextStep }: UserErrorFields): string {
  const parts = [problem];
  if (requestId) parts.push(`Request id: ${requestId}`);
  if (meaning) parts.push(`Meaning: ${meaning}`);
  if (nextStep) parts.push(`Next step: ${nextStep}`);
  if (parts.length === 1) return problem;
  return parts.map((part) => (part.endsWith('.') ? part : `${part}.`)).join(' ');
}

/** Name and message of an error, for logs and notes. */
export function errorText(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
