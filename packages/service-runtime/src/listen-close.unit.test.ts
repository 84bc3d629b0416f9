import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect } from 'node:net';
import { listen } from './listen.ts';

const CUT_MS = 400;
/** Four seconds of it: a server that waited for all of it would still close. */
const TRICKLE_MAX = 200;

describe('a server that closes', () => {
  it('is not held up by a body that trickles in: after 400 ms its connection is cut', async () => {
    const door = await listen((request, response) => request.on('end', () => response.end()).resume(), {
      host: '127.0.0.1',
      port: 0,
    });
    const arrived = once(door.server, 'request');
    const slow = connect(door.port, '127.0.0.1');
    slow.on('error', () => undefined);
    slow.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n');
    await arrived;
    let sent = 0;
    const trickle = setInterval(() => ((sent += 1) > TRICKLE_MAX ? slow.destroy() : slow.write('x')), 20);
    const cut = once(slow, 'close');
    const askedAt = performance.now();
    await door.close();
    const closedMs = performance.now() - askedAt;
    await cut;
    clearInterval(trickle);
    expect(closedMs).toBeGreaterThan(CUT_MS - 50);
    expect(closedMs).toBeLessThan(CUT_MS + 2_000);
  });
});
