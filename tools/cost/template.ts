import { ENVIRONMENT } from '../../core/names';
import { TABLE_KEYS } from '../../core/transactions/keys';

export interface Resource {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: the properties of any resource
  readonly Properties: any;
}

/** As much of a synthesized template as costs depend on. */
export interface Template {
  readonly Resources: Record<string, Resource>;
}

export const ofType = (template: Template, type: string): Resource[] =>
  Object.values(template.Resources).filter(({ Type }) => Type === type);

export const numberOf = (template: Template, type: string): number => ofType(template, type).length;

/** The function with this environment variable; undefined if it is not deployed. */
export const functionWith = (
  template: Template,
  variable: keyof typeof ENVIRONMENT,
): Resource | undefined =>
  ofType(template, 'AWS::Lambda::Function').find(
    ({ Properties }) => Properties.Environment?.Variables?.[ENVIRONMENT[variable]] !== undefined,
  );

const MEBIBYTES_PER_GIGABYTE = 1024;

export const gigabytesOf = ({ Properties }: Resource): number =>
  Properties.MemorySize / MEBIBYTES_PER_GIGABYTE;

export function transactionTable(template: Template): Resource {
  const table = ofType(template, 'AWS::DynamoDB::GlobalTable').find(
    ({ Properties }) => Properties.KeySchema[0].AttributeName === TABLE_KEYS.partition,
  );
  if (table === undefined) throw new Error('the template has no transaction table');
  return table;
}
