import { sorted, type Column, type ForeignKey, type Table, type Tables } from './table.ts';

interface Attribute {
  readonly name: string;
  readonly text: string;
}

interface Field {
  readonly name: string;
  readonly type: string;
  readonly optional: boolean;
  readonly list: boolean;
  readonly attributes: readonly Attribute[];
}

interface Model {
  readonly name: string;
  readonly fields: readonly Field[];
  readonly attributes: readonly Attribute[];
}

/** What Prisma makes of a field without `@db`. */
const TYPES: Readonly<Record<string, string>> = {
  BigInt: 'bigint',
  Int: 'integer',
  String: 'text',
  Boolean: 'boolean',
  Json: 'jsonb',
  Bytes: 'bytea',
};

/** What `@db.Name(arguments)` asks for. */
const NATIVE: Readonly<Record<string, (length: string) => string>> = {
  VarChar: (length) => `character varying(${length})`,
  Decimal: (precision) => `numeric(${precision})`,
  Timestamptz: (precision) => `timestamp(${precision}) with time zone`,
  Date: () => 'date',
};

/**
 * Reads the tables that a `schema.prisma` describes. It knows what the services' schemas use.
 * @throws Error naming a line, a type or an attribute that it does not know
 */
export function parsePrismaSchema(text: string): Tables {
  const models = [...text.matchAll(/^model (\w+) \{\n([\s\S]*?)^\}/gm)].map(([, name = '', body = '']) =>
    parseModel(name, body),
  );
  const named = new Map(models.map((model) => [model.name, model]));
  return Object.fromEntries(models.map((model) => [tableName(model), tableOf(model, named)]));
}

function parseModel(name: string, body: string): Model {
  const lines = body
    .split('\n')
    .map((line) => line.replace(/\/\/.*$/, '').trim())
    .filter((line) => line !== '');
  const own = lines.filter((line) => line.startsWith('@@'));
  const fields = lines.filter((line) => !line.startsWith('@@')).map(parseField);
  return { name, fields, attributes: own.flatMap((line) => parseAttributes(line.slice(1))) };
}

function parseField(line: string): Field {
  const match = /^(\w+)\s+(\w+)(\?|\[\])?(?:\s+(@.*))?$/.exec(line);
  if (!match) throw new Error(`not a field: ${line}`);
  const [, name = '', type = '', mark, attributes = ''] = match;
  return {
    name,
    type,
    optional: mark === '?',
    list: mark === '[]',
    attributes: parseAttributes(attributes),
  };
}

function parseAttributes(text: string): Attribute[] {
  return [...text.matchAll(/@([\w.]+)(?:\(((?:[^()]|\([^()]*\))*)\))?/g)].map(
    ([, name = '', inner = '']) => ({
      name,
      text: inner,
    }),
  );
}

function attribute(of: { readonly attributes: readonly Attribute[] }, name: string): string | undefined {
  return of.attributes.find((one) => one.name === name)?.text;
}

/** `"user_id"` in `@map("user_id")`. */
function mapped(of: Field | Model): string {
  return attribute(of, 'map')?.replaceAll('"', '') ?? of.name;
}

function tableName(model: Model): string {
  return mapped(model);
}

function columnOf(field: Field): Column {
  const native = field.attributes.find(({ name }) => name.startsWith('db.'));
  const base = native ? NATIVE[native.name.slice(3)]?.(native.text.replaceAll(' ', '')) : TYPES[field.type];
  if (base === undefined) throw new Error(`${field.name}: no such type: ${field.type} ${native?.name ?? ''}`);
  return {
    type: field.list ? `${base}[]` : base,
    nullable: field.optional,
    hasDefault: attribute(field, 'default') !== undefined,
  };
}

function tableOf(model: Model, models: ReadonlyMap<string, Model>): Table {
  const scalars = model.fields.filter(({ type }) => !models.has(type));
  const blocks = (name: string) =>
    model.attributes.filter((one) => one.name === name).map(({ text }) => columnsIn(text, model));
  const having = (name: string) =>
    scalars.filter((field) => attribute(field, name) !== undefined).map((field) => [mapped(field)]);
  return {
    columns: Object.fromEntries(scalars.map((field) => [mapped(field), columnOf(field)])),
    primaryKey: [...having('id'), ...blocks('id')].flat(),
    uniques: sorted([...having('unique'), ...blocks('unique')]),
    foreignKeys: sorted(model.fields.flatMap((field) => foreignKeyOf(field, model, models))),
    indexes: sorted(blocks('index')),
  };
}

/** `[userId, id]` as columns of the model. */
function columnsIn(list: string, model: Model): string[] {
  const names = /\[([^\]]*)\]/.exec(list)?.[1] ?? '';
  return names.split(',').map((name) => {
    const field = model.fields.find((one) => one.name === name.trim());
    if (!field) throw new Error(`${model.name} has no field ${name.trim()}`);
    return mapped(field);
  });
}

/** `fields` and `references` stand on the side that has the key; the other side is a list or optional and has neither. */
function foreignKeyOf(field: Field, model: Model, models: ReadonlyMap<string, Model>): ForeignKey[] {
  const relation = attribute(field, 'relation');
  const target = models.get(field.type);
  if (relation === undefined || !target) return [];
  const part = (name: string) => new RegExp(`${name}:\\s*(\\[[^\\]]*\\])`).exec(relation)?.[1] ?? '';
  return [
    {
      columns: columnsIn(part('fields'), model),
      table: tableName(target),
      referenced: columnsIn(part('references'), target),
    },
  ];
}
