import {
  ALL_FIELDS,
  type FieldList,
  IDENTITY_FIELDS,
  isPostbackField,
  POSTBACK_FIELDS,
  type PostbackField,
  RESERVED_PARAMETER_NAMES,
  type UrlParameter,
} from '../core/rakuten/postback/fields';

/** Characters that a parameter name may have: those that need no escaping in a query string. */
const PARAMETER_NAME = /^[A-Za-z0-9._~-]+$/;
const MAX_PARAMETER_NAME_LENGTH = 64;
/**
 * Far more than a marker needs, and with a few of them the URL stays well below the 8,192 bytes
 * that API Gateway takes.
 */
const MAX_STATIC_VALUE_LENGTH = 512;

/**
 * Which fields Rakuten sends, under which names and in which order. Immutable: each call gives a
 * new list.
 *
 * The rows keep Rakuten's own names whatever a field is called in the URL; renaming is for those
 * who put something else behind the same URL, or like the names of Rakuten's help page better.
 *
 *     PostbackFields.all().rename('u1', 'unique_id').staticValue('site', 'cashback')
 */
export class PostbackFields {
  /** Every field that Rakuten documents as a postback token, under Rakuten's names. */
  public static all(): PostbackFields {
    return new PostbackFields(ALL_FIELDS);
  }

  /**
   * These fields, and before them the five that identify a line and its order.
   *
   * The five are `is_event`, `etransaction_id`, `sid`, `advertiser_id` and `order_id`. A requested
   * `product_name` comes last: if its text has an `&` that Rakuten does not escape, it cannot cut
   * off another field.
   *
   * @param fields Rakuten's field names
   */
  public static only(...fields: string[]): PostbackFields {
    const asked = checkedFields('only', fields);
    const identity = IDENTITY_FIELDS.filter((field) => !asked.includes(field));
    return new PostbackFields(freeTextLast(asParameters([...identity, ...asked])));
  }

  /**
   * Exactly these fields and no others, as in the examples of Rakuten's help page.
   *
   * Without `etransaction_id` two equal lines of an order become one row; without `is_event` a line
   * is in no sum. Without either no row is reconciled or verified. Synthesis warns of both.
   *
   * @param fields Rakuten's field names
   */
  public static exactly(...fields: string[]): PostbackFields {
    return new PostbackFields(asParameters(checkedFields('exactly', fields)));
  }

  private constructor(private readonly parameters: FieldList) {}

  /**
   * Sends a field under another name.
   *
   * @param field Rakuten's field name
   * @param name the name of the parameter in the URL: letters, digits and `. _ ~ -`
   */
  public rename(field: string, name: string): PostbackFields {
    const known = checkedField('rename', field);
    if (!this.parameters.some((p) => isField(p, known))) {
      throw new Error(
        `rename('${field}', '${name}'): the field '${field}' is not in the list; ask for it first, for example PostbackFields.only('${field}')`,
      );
    }
    checkName(name, `rename('${field}', '${name}')`);
    if (name !== field && isPostbackField(name)) {
      throw new Error(
        `rename('${field}', '${name}'): '${name}' is the name of another Rakuten field, and its meaning must not change; choose a name of your own`,
      );
    }
    return this.with(
      this.parameters.map((p) => (isField(p, known) ? { name, field: known } : p)),
      `rename('${field}', '${name}')`,
    );
  }

  /**
   * Adds a parameter with a value that is always the same. It comes back with every postback and
   * stands in the row under `extra`. It is shown in the template: it is no place for a secret, and
   * none is needed, as the construct adds one of its own.
   *
   * @param name the name of the parameter in the URL: letters, digits and `. _ ~ -`, at most 64
   * @param value any text of 1 to 512 characters without `<` and `>`, which are Rakuten's signs for
   *   a field
   */
  public staticValue(name: string, value: string): PostbackFields {
    const call = `staticValue('${name}', …)`;
    checkName(name, call);
    if (isPostbackField(name)) {
      throw new Error(
        `${call}: '${name}' is the name of a Rakuten field; choose a name of your own`,
      );
    }
    checkStaticValue(value, call);
    return this.with(
      freeTextLast([...this.parameters, { name, value }], this.endsWithFreeText),
      call,
    );
  }

  /**
   * Puts these parameters first, in this order; the others follow in the order they had. Synthesis
   * warns when something follows `product_name` then.
   *
   * @param names names in the URL: a field's own name, the name it was renamed to, or that of a
   *   static value
   */
  public order(...names: string[]): PostbackFields {
    const call = `order(${names.map((n) => `'${n}'`).join(', ')})`;
    const first = names.map((name) => {
      const parameter = this.parameters.find((p) => p.name === name);
      if (!parameter)
        throw new Error(
          `${call}: there is no parameter '${name}'; there are ${this.parameters.map((p) => p.name).join(', ')}`,
        );
      return parameter;
    });
    return this.with([...first, ...this.parameters.filter((p) => !names.includes(p.name))], call);
  }

  /** The names of the parameters in the URL, in their order. */
  public get names(): string[] {
    return this.parameters.map((p) => p.name);
  }

  /**
   * What a reader of the rows would miss because of this choice of fields. Used at synthesis.
   * @internal
   */
  public _warnings(): { id: string; message: string }[] {
    const has = (field: PostbackField): boolean => this.parameters.some((p) => isField(p, field));
    const warnings: { id: string; message: string }[] = [];
    if (!has('sale_amount') && !has('commissions')) {
      warnings.push({
        id: 'cancellationsIndistinguishable',
        message:
          'neither sale_amount nor commissions is asked for, so a cancellation looks the same as a sale (only the sign tells them apart): add one of them',
      });
    }
    if (!has('etransaction_id')) {
      warnings.push({
        id: 'noTransactionId',
        message:
          'etransaction_id is not asked for, so no row is verified and two equal lines of one order become one row: use PostbackFields.only() instead of exactly(), which adds it',
      });
    }
    if (!has('is_event')) {
      warnings.push({
        id: 'noIsEvent',
        message:
          'is_event is not asked for, so preliminary and confirmed lines look the same and are in no sum: use PostbackFields.only() instead of exactly(), which adds it',
      });
    }
    if (!has('order_id') || !has('advertiser_id')) {
      warnings.push({
        id: 'noOrder',
        message:
          'order_id and advertiser_id are not both asked for, so the lines of an order, its returns among them, cannot be found together: use PostbackFields.only() instead of exactly(), which adds them',
      });
    }
    if (has(FREE_TEXT) && !this.endsWithFreeText) {
      warnings.push({
        id: 'productNameNotLast',
        message:
          'product_name is not the last parameter, so an & or # in a name that Rakuten does not escape can cut off what follows it: let order() end with it',
      });
    }
    return warnings;
  }

  /** @internal */
  public _toFieldList(): FieldList {
    return this.parameters;
  }

  private get endsWithFreeText(): boolean {
    const last = this.parameters.at(-1);
    return last !== undefined && isField(last, FREE_TEXT);
  }

  private with(parameters: FieldList, call: string): PostbackFields {
    const seen = new Set<string>();
    for (const { name } of parameters) {
      if (seen.has(name))
        throw new Error(
          `${call}: the name '${name}' stands in the URL twice, and only the last value would arrive; choose another name`,
        );
      seen.add(name);
    }
    return new PostbackFields(parameters);
  }
}

/** The field whose text advertisers choose freely. */
const FREE_TEXT: PostbackField = 'product_name';

/** The list with the free text at its end, unless its place there was given up on purpose. */
function freeTextLast(parameters: FieldList, wanted = true): FieldList {
  if (!wanted) return parameters;
  const isFreeText = (p: UrlParameter): boolean => isField(p, FREE_TEXT);
  return [...parameters.filter((p) => !isFreeText(p)), ...parameters.filter(isFreeText)];
}

const isField = (parameter: UrlParameter, field: PostbackField): boolean =>
  'field' in parameter && parameter.field === field;
const asParameters = (fields: readonly PostbackField[]): FieldList =>
  fields.map((field) => ({ name: field, field }));

function checkedFields(method: string, fields: string[]): PostbackField[] {
  if (fields.length === 0)
    throw new Error(
      `PostbackFields.${method}() needs at least one field; for every field use PostbackFields.all()`,
    );
  const known = fields.map((field) => checkedField(method, field));
  const twice = known.find((field, i) => known.indexOf(field) !== i);
  if (twice)
    throw new Error(
      `PostbackFields.${method}(): the field '${twice}' is named twice; name it once`,
    );
  return known;
}

function checkedField(method: string, field: string): PostbackField {
  if (isPostbackField(field)) return field;
  throw new Error(
    `${method}(): '${field}' is not a field of Rakuten's postbacks; there are ${Object.keys(POSTBACK_FIELDS).join(', ')}`,
  );
}

function checkName(name: string, call: string): void {
  if (!PARAMETER_NAME.test(name)) {
    throw new Error(
      `${call}: the name '${name}' is empty or has a character that is reserved in a URL; use letters, digits and . _ ~ -`,
    );
  }
  if (name.length > MAX_PARAMETER_NAME_LENGTH) {
    throw new Error(
      `${call}: the name has ${name.length} characters; use at most ${MAX_PARAMETER_NAME_LENGTH}`,
    );
  }
  if (RESERVED_PARAMETER_NAMES.includes(name)) {
    throw new Error(
      `${call}: the name '${name}' is used by the construct itself (${RESERVED_PARAMETER_NAMES.join(', ')}); choose another name`,
    );
  }
}

function checkStaticValue(value: string, call: string): void {
  if (value === '')
    throw new Error(`${call}: the value is empty; leave the parameter out or give it a value`);
  if (/[<>]/.test(value)) {
    throw new Error(
      `${call}: the value contains < or >, which Rakuten would read as a field; leave them out, or use rename() to send a field under this name`,
    );
  }
  if (value.length > MAX_STATIC_VALUE_LENGTH) {
    throw new Error(
      `${call}: the value has ${value.length} characters; use at most ${MAX_STATIC_VALUE_LENGTH}`,
    );
  }
  // Half of a surrogate pair has no place in a URL.
  if (/\p{Surrogate}/u.test(value))
    throw new Error(`${call}: the value is not valid Unicode text; write its characters whole`);
}
