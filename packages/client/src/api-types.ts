import type {
  ClientPathsWithMethod,
  Client as FetchClient,
  FetchResponse,
  MaybeOptionalInit,
} from 'openapi-fetch';
import type { components, paths } from './generated/api.ts';

/** openapi-fetch's own client of this API. */
export type HttpClient = FetchClient<paths>;

type Method = 'get' | 'post' | 'patch';

/** The paths of the document that know this method. */
export type PathOf<M extends Method> = ClientPathsWithMethod<HttpClient, M>;

/** What every request may say besides what the document asks for. */
export interface RequestOptions {
  /**
   * True: send it again when its answer is lost or is 503, although it carries no Idempotency-Key. For a write that does
   * no harm when it happens twice.
   */
  readonly resend?: boolean;
}

/** Parameters and body by the document, `signal` and other members of `fetch`'s init, and ours. */
export type InitOf<P extends PathOf<M>, M extends Method> = MaybeOptionalInit<paths[P], M> & RequestOptions;

/** `[init]`, or `[init?]` where nothing is required. */
export type InitArguments<P extends PathOf<M>, M extends Method> =
  undefined extends MaybeOptionalInit<paths[P], M>
    ? [init?: NonNullable<MaybeOptionalInit<paths[P], M>> & RequestOptions]
    : [init: InitOf<P, M>];

/** The body of the 2xx answers. */
export type DataOf<P extends PathOf<M>, M extends Method> = paths[P][M] extends infer Operation extends
  Readonly<Record<string, unknown>>
  ? NonNullable<FetchResponse<Operation, object, `${string}/${string}`>['data']>
  : never;

/** The path of a list: its answer is `{ data, nextCursor }`. */
export type ListPath = {
  [P in PathOf<'get'>]: DataOf<P, 'get'> extends {
    readonly data: readonly unknown[];
    readonly nextCursor: string | null;
  }
    ? P
    : never;
}[PathOf<'get'>];

/** One row of a list. */
export type ItemOf<P extends ListPath> =
  DataOf<P, 'get'> extends { readonly data: ReadonlyArray<infer Item> } ? Item : never;

/** Requests are only read: what is handed in may be read-only all the way down. */
type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

export type ProblemCode = components['schemas']['ProblemCode'];
export type ProblemField = components['schemas']['FieldError'];

export type Order = components['schemas']['Order'];
export type OrderStatus = components['schemas']['OrderStatus'];
export type RefusalReason = NonNullable<Order['failureReason']>;
export type OrderRequest = Frozen<
  NonNullable<paths['/v1/orders']['post']['requestBody']>['content']['application/json']
>;
export type OrderEvent = components['schemas']['OrderEvent'];
export type Product = components['schemas']['Product'];
export type Coupon = components['schemas']['Coupon'];
export type TopUp = components['schemas']['TopUp'];
