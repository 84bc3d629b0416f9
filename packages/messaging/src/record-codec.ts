import { kafkajsInternal } from './kafkajs-internals.ts';
import { decodeFetch, OldMessageFormat, UNDECODED, type FetchResponse } from './record-decoder.ts';
import { encodeProduce, type ProduceRequest } from './record-encoder.ts';
import type { EncodedBody } from './record-writer.ts';

interface ProduceCall {
  readonly request: { encode: () => Promise<EncodedBody> };
}
interface FetchCall {
  readonly response: { readonly decode: (payload: Buffer) => Promise<FetchResponse> };
}
/** kafkajs' table of one API: `protocol` gives the encoder and decoder of the version agreed with the broker. */
interface Api<Call, Arguments> {
  protocol: (agreed: { version: number }) => (request: Arguments) => Call;
}

/** Produce: the record batch format of these versions is one and the same. */
const PRODUCE_VERSIONS = [3, 7] as const;
const FETCH_VERSION = 11;
const NO_PRODUCER = '-1';

/** kafkajs' own entries, kept to fall back on and to switch back to. */
let original: { produce: ProduceApi['protocol']; fetch: FetchApi['protocol'] } | undefined;
type ProduceApi = Api<ProduceCall, ProduceRequest>;
type FetchApi = Api<FetchCall, unknown>;

/**
 * Puts our record encoder and decoder behind kafkajs (`on`), or kafkajs' own back. It holds for every client of the
 * process, connected or not, from the next request on.
 *
 * kafkajs allocates a buffer a header and copies each record four times; its decoder copies all headers for each
 * header. 200 events of 686 bytes with nine headers over six partitions, µs an event (bench/record-codec.mjs):
 * encode 39.2 → 5.6, decode 9.1 → 2.4.
 *
 * Left to kafkajs: gzip when producing, transactions, idempotent producers, and brokers older than Kafka 2.3.
 * @throws Error when kafkajs is not the release whose bytes the tests compare.
 */
export function useRecordCodec(on: boolean): void {
  const produce = kafkajsInternal('protocol/requests/produce') as ProduceApi;
  const fetch = kafkajsInternal('protocol/requests/fetch') as FetchApi;
  original ??= { produce: produce.protocol, fetch: fetch.protocol };
  const theirs = original;
  produce.protocol = on ? ourProduce(theirs.produce) : theirs.produce;
  fetch.protocol = on ? ourFetch(theirs.fetch) : theirs.fetch;
}

function ourProduce(theirs: ProduceApi['protocol']): ProduceApi['protocol'] {
  return ({ version }) => {
    const protocol = theirs({ version });
    if (version < PRODUCE_VERSIONS[0] || version > PRODUCE_VERSIONS[1]) return protocol;
    return (request) => {
      const call = protocol(request);
      if (isPlain(request)) call.request.encode = () => Promise.resolve(encodeProduce(request, Date.now()));
      return call;
    };
  };
}

function isPlain({ compression, transactionalId, producerId }: ProduceRequest): boolean {
  return !compression && !transactionalId && (producerId === undefined || String(producerId) === NO_PRODUCER);
}

function ourFetch(theirs: FetchApi['protocol']): FetchApi['protocol'] {
  return ({ version }) => {
    const protocol = theirs({ version });
    if (version !== FETCH_VERSION) return protocol;
    return (request) => {
      const call = protocol(request);
      return { ...call, response: { ...call.response, decode: decodeOr(call.response.decode) } };
    };
  };
}

function decodeOr(theirs: (payload: Buffer) => Promise<FetchResponse>) {
  return async (payload: Buffer): Promise<FetchResponse> => {
    try {
      return await decodeFetch(payload);
    } catch (error) {
      if (error instanceof OldMessageFormat) return theirs(payload);
      throw error;
    }
  };
}

/**
 * The codec of the batch that a message came in, when that batch could not be decompressed: such a message has no
 * key, no value and no headers, only its offset. Null for every readable message.
 */
export function unsupportedCompression(message: object): string | null {
  return (message as { [UNDECODED]?: string })[UNDECODED] ?? null;
}
