import { readFileSync } from 'node:fs';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** An operation of the committed contract, as far as bad input is concerned. */
export interface Operation {
  /** `PATCH /v1/products/{id}` */
  readonly name: string;
  readonly method: Method;
  readonly path: string;
  /** Who may call: anyone, any token, or the role that the token must hold. */
  readonly caller: 'anyone' | 'user' | 'operator' | 'admin';
  readonly idempotent: boolean;
  readonly hasBody: boolean;
  readonly query: readonly QueryParameter[];
  /** Statuses it may answer with. */
  readonly statuses: readonly number[];
}

export interface QueryParameter {
  readonly name: string;
  readonly schema: { readonly type?: string; readonly minimum?: number; readonly maximum?: number };
}

interface Parameter extends QueryParameter {
  readonly in: 'query' | 'path' | 'header';
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, RawOperation>>>>;
  readonly components: { readonly parameters?: Readonly<Record<string, Parameter>> };
}

interface RawOperation {
  readonly security?: ReadonlyArray<{ readonly bearer?: readonly string[] }>;
  readonly parameters?: ReadonlyArray<Parameter | { readonly $ref: string }>;
  readonly requestBody?: unknown;
  readonly responses: Readonly<Record<string, unknown>>;
}

const METHODS: readonly string[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] satisfies Method[];

const isMethod = (method: string): method is Method => METHODS.includes(method);

/** Every operation of packages/client/openapi.json: a new route is under test as soon as it is in the contract. */
export function readOperations(): Operation[] {
  const file = new URL('../../packages/client/openapi.json', import.meta.url);
  const document = JSON.parse(readFileSync(file, 'utf8')) as Document;
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([key, operation]) => {
      const method = key.toUpperCase();
      return isMethod(method) ? [toOperation(method, path, operation, document)] : [];
    }),
  );
}

function toOperation(method: Method, path: string, operation: RawOperation, document: Document): Operation {
  const parameters = (operation.parameters ?? []).map((parameter) => resolve(parameter, document));
  return {
    name: `${method} ${path}`,
    method,
    path,
    caller: callerOf(operation),
    idempotent: parameters.some(({ name }) => name === 'Idempotency-Key'),
    hasBody: operation.requestBody !== undefined,
    query: parameters.filter((parameter) => parameter.in === 'query'),
    statuses: Object.keys(operation.responses).map(Number),
  };
}

function resolve(parameter: Parameter | { readonly $ref: string }, { components }: Document): Parameter {
  if (!('$ref' in parameter)) return parameter;
  const found = components.parameters?.[parameter.$ref.split('/').at(-1) ?? ''];
  if (!found) throw new Error(`no parameter ${parameter.$ref}`);
  return found;
}

function callerOf({ security }: RawOperation): Operation['caller'] {
  const bearer = security?.find((one) => one.bearer)?.bearer;
  if (!bearer) return 'anyone';
  const [role = 'user'] = bearer;
  if (role !== 'user' && role !== 'operator' && role !== 'admin') throw new Error(`no role ${role}`);
  return role;
}
