import { describe, expect, it } from '@jest/globals';
import { cleanHeaders } from './incoming-headers.ts';

const cleaned = (headers: Record<string, string>) => {
  cleanHeaders({ headers });
  return headers;
};

describe('what a caller says', () => {
  const kept = {
    authorization: 'Bearer x',
    'idempotency-key': 'k',
    prefer: 'wait=5',
    'content-type': 'application/json',
  };

  it('reaches the service without claims only a proxy could make', () => {
    const claims = {
      'x-user-id': '1',
      'x-user-roles': 'admin',
      'x-forwarded-for': '10.0.0.1',
      'x-forwarded-host': 'evil.example',
      'x-real-ip': '10.0.0.1',
      'x-original-url': '/v1/ops',
      forwarded: 'for=10.0.0.1',
    };
    expect(cleaned({ ...kept, ...claims })).toEqual(kept);
  });

  it('reaches the service without the headers of one connection, the named ones among them', () => {
    const hop = {
      connection: 'close, X-Secret , te',
      'x-secret': '1',
      'keep-alive': 'timeout=5',
      te: 'trailers',
      trailer: 'X-Sum',
      upgrade: 'websocket',
      'proxy-authorization': 'Basic x',
      'transfer-encoding': 'chunked',
      'content-length': '5',
      expect: '100-continue',
      host: 'gateway',
    };
    expect(cleaned({ ...kept, ...hop })).toEqual(kept);
  });
});
