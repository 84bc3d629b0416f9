import createFetchClient from 'openapi-fetch';
import type { DataOf, HttpClient, InitArguments, ItemOf, ListPath, PathOf } from './api-types.ts';
import { ApiProblem } from './errors.ts';
import type { paths } from './generated/api.ts';
import type { RequestSender, SendOptions } from './request-sender.ts';

/** The API by path and method, with the types of its document. */
export interface ApiRequests {
  /** @returns the answer's body. @throws ApiProblem outside 2xx, Unreachable without an answer */
  get<P extends PathOf<'get'>>(path: P, ...init: InitArguments<P, 'get'>): Promise<DataOf<P, 'get'>>;
  /** @see ApiRequests.get */
  post<P extends PathOf<'post'>>(path: P, ...init: InitArguments<P, 'post'>): Promise<DataOf<P, 'post'>>;
  /** @see ApiRequests.get */
  patch<P extends PathOf<'patch'>>(path: P, ...init: InitArguments<P, 'patch'>): Promise<DataOf<P, 'patch'>>;
  /**
   * Every row of a list, page by page, each page asked for when the rows before it are taken. Rows that are added
   * meanwhile move nothing.
   *
   * @throws as `get`, in the midst of it too
   */
  listAll<P extends ListPath>(
    path: P,
    ...init: InitArguments<P, 'get'>
  ): AsyncGenerator<ItemOf<P>, void, void>;
  /**
   * The same requests as openapi-fetch gives them: `{ data, error, response }` whatever the status, for those who need
   * a status or a header. Tokens and retries are as everywhere.
   */
  readonly http: HttpClient;
}

/** Parameters, body and members of fetch's init; the types of the document are checked where they are given. */
type UntypedInit = Readonly<Record<string, unknown>> & {
  readonly params?: Readonly<Record<string, object>>;
};

interface UntypedAnswer {
  readonly data?: unknown;
  readonly error?: unknown;
  readonly response: Response;
}

interface UntypedClient {
  request(method: string, path: string, init: UntypedInit): Promise<UntypedAnswer>;
}

/** Sends by the path's name in the document and returns the body of a 2xx answer. */
export type Call = (method: string, path: string, init?: UntypedInit, send?: SendOptions) => Promise<unknown>;

interface UntypedPage {
  readonly data: readonly unknown[];
  readonly nextCursor: string | null;
}

async function* pages(call: Call, path: string, init: UntypedInit = {}): AsyncGenerator<unknown, void, void> {
  let cursor: string | null = null;
  do {
    const query = { ...init.params?.query, ...(cursor === null ? {} : { cursor }) };
    const page = (await call('get', path, { ...init, params: { ...init.params, query } })) as UntypedPage;
    yield* page.data;
    cursor = page.nextCursor;
  } while (cursor !== null);
}

/** The typed face of a sender, and its untyped one for this package's own use. */
export function createRequests(
  baseUrl: string,
  sender: RequestSender,
): { requests: ApiRequests; call: Call } {
  const http = createFetchClient<paths>({ baseUrl, fetch: (request) => sender.send(request) });
  // The one place where the document's types are folded away: TypeScript cannot follow them through a generic path.
  const untyped = http as unknown as UntypedClient;
  const call: Call = async (method, path, init = {}, options = {}) => {
    const { resend, ...rest } = init;
    const fetch = (request: Request) => sender.send(request, { resend: resend === true, ...options });
    const { data, error, response } = await untyped.request(method, path, { ...rest, fetch });
    if (!response.ok) throw new ApiProblem(`${method.toUpperCase()} ${path}`, response, error);
    return data;
  };
  const requests = {
    get: (path: string, init?: UntypedInit) => call('get', path, init),
    post: (path: string, init?: UntypedInit) => call('post', path, init),
    patch: (path: string, init?: UntypedInit) => call('patch', path, init),
    listAll: (path: string, init?: UntypedInit) => pages(call, path, init),
    http,
  };
  return { requests: requests as unknown as ApiRequests, call };
}
