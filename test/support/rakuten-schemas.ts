import Ajv, { type ValidateFunction } from 'ajv';
import type { ApiCall } from '../../fake-rakuten';

/**
 * The shapes of Rakuten's interface description (Affiliate APIs 1.0.0) that this package relies on.
 * It requires no property and forbids none; here everything it names is required and nothing else
 * allowed, so that neither side of a test can drift from it.
 */
const strict = (properties: Record<string, object>): object => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});

const sid = { type: 'integer', minimum: 1, maximum: 2 ** 31 - 1 };
const isActive = { type: 'string', enum: ['Y', 'N'] };
const url = { type: 'string', minLength: 1 };

const SCHEMAS = {
  createRequest: strict({ sid, is_active: isActive, url }),
  updateRequest: strict({ is_active: isActive, url }),
  postbackResponse: strict({
    _metadata: strict({
      api_name_version: { const: 'postback-v1.0.0' },
      _links: strict({ self: { type: 'string', pattern: '^/v1/postback/\\d+$' } }),
    }),
    data: { type: 'array', items: strict({ sid, is_active: isActive, url }) },
  }),
  // The description shows one record; live answers are a bare array of them. Its types are those of
  // the live answers.
  eventsResponse: {
    type: 'array',
    items: strict({
      etransaction_id: { type: 'string' },
      advertiser_id: { type: 'integer' },
      sid,
      order_id: { type: 'string' },
      offer_id: { type: 'string' },
      sku_number: { type: 'string' },
      sale_amount: { type: 'number' },
      quantity: { type: 'number' },
      commissions: { type: 'number' },
      process_date: {
        type: 'string',
        pattern:
          '^[A-Z][a-z]{2} [A-Z][a-z]{2} \\d\\d \\d{4} \\d\\d:\\d\\d:\\d\\d GMT\\+0000 \\(UTC\\)$',
      },
      transaction_date: { type: 'string' },
      transaction_type: { enum: ['realtime', 'batch'] },
      product_name: { type: 'string' },
      u1: { type: 'string' },
      currency: { type: 'string' },
      is_event: { enum: ['Y', 'N'] },
      commissions_list_id: { type: 'string' },
    }),
  },
  tokenResponse: strict({
    access_token: { type: 'string', minLength: 1 },
    refresh_token: { type: 'string' },
    token_type: { type: 'string' },
    expires_in: { type: 'integer', minimum: 1 },
  }),
};

const ajv = new Ajv({ allErrors: true, strict: true });
const validators = Object.fromEntries(
  Object.entries(SCHEMAS).map(([name, schema]) => [name, ajv.compile(schema)]),
) as Record<keyof typeof SCHEMAS, ValidateFunction>;

const REQUESTS: Partial<Record<ApiCall['operation'], keyof typeof SCHEMAS>> = {
  create: 'createRequest',
  update: 'updateRequest',
};
const RESPONSES: Partial<Record<ApiCall['operation'], keyof typeof SCHEMAS>> = {
  token: 'tokenResponse',
  create: 'postbackResponse',
  read: 'postbackResponse',
  update: 'postbackResponse',
  events: 'eventsResponse',
};
const STATUSES: Record<ApiCall['operation'], readonly number[]> = {
  token: [200, 401],
  create: [200, 401, 403],
  read: [200, 401, 403, 404],
  update: [200, 401, 403, 404],
  // The description lists no 404 for it.
  delete: [200, 401, 403],
  events: [200, 401, 403],
  unknown: [],
};

/** What in a call is not as the interface description has it; empty when all is. */
export function deviations(call: ApiCall): string[] {
  const where = `${call.method} ${call.path} → ${call.status}`;
  const problems: string[] = [];
  if (!STATUSES[call.operation].includes(call.status))
    problems.push(`${where}: undocumented status`);
  const check = (name: keyof typeof SCHEMAS | undefined, body: string): void => {
    if (name === undefined) return;
    if (!validators[name](JSON.parse(body)))
      problems.push(`${where}: ${ajv.errorsText(validators[name].errors)}`);
  };
  check(REQUESTS[call.operation], call.requestBody);
  if (call.operation === 'token' && !/(^|&)scope=\d+(&|$)/.test(call.requestBody))
    problems.push(`${where}: no scope`);
  if ((call.operation === 'read' || call.operation === 'delete') && call.requestBody !== '')
    problems.push(`${where}: a body`);
  if (call.status === 200) check(RESPONSES[call.operation], call.responseBody);
  return problems;
}
