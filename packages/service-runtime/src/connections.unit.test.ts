import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { waitUntil } from '@orderflow/testing/wait-until';
import { listen, type Listening } from './listen.ts';

const host = '127.0.0.1';
const ASKED = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

describe('a server that is nearly full', () => {
  let door: Listening;
  let asked: ServerResponse[] = [];
  const callers: Socket[] = [];

  /** Answers at once what has arrived whole, unless `answering` is false. */
  async function open(connectionsMax: number, answering: boolean): Promise<void> {
    asked = [];
    door = await listen(
      (request, response) => {
        asked.push(response);
        if (answering) request.on('end', () => response.end('ours')).resume();
      },
      { host, port: 0, connectionsMax },
    );
  }

  /** Resolves when the server knows the connection and, where it is to see one, the request. */
  async function call(text: string, seen: number): Promise<Socket> {
    const socket = connect(door.port, host);
    callers.push(socket);
    socket.on('error', () => undefined).resume();
    await once(door.server, 'connection');
    socket.write(text);
    await waitUntil(() => asked.length >= seen);
    return socket;
  }

  async function ask(): Promise<string> {
    const socket = connect(door.port, host);
    let answer = '';
    socket.setEncoding('utf8').on('data', (part: string) => (answer += part));
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await once(socket, 'close');
    return answer;
  }

  afterEach(async () => {
    for (const caller of callers.splice(0)) caller.destroy();
    await door.close();
  });

  it.each([
    ['says nothing', '', 0],
    ['does not end its headers', 'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: a', 0],
    ['does not end its body', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf', 1],
    ['was answered and asks nothing more', ASKED, 1],
  ])('closes a connection that %s, the oldest first, and serves the next caller', async (_, text, seen) => {
    await open(4, true);
    const held: Socket[] = [];
    for (const turn of [1, 2, 3]) held.push(await call(text, seen * turn));
    await waitUntil(() => asked.every(({ req, closed }) => closed || !req.complete));
    expect(await ask()).toContain('ours');
    await waitUntil(() => held[0]?.closed);
    expect(held.map(({ closed }) => closed)).toEqual([true, false, false]);
  });

  it('closes none whose request is being answered; when all are, the next caller is refused', async () => {
    await open(2, false);
    const held = [await call(ASKED, 1), await call(ASKED, 2)];
    expect(await ask()).toBe('');
    expect(asked).toHaveLength(2);
    expect(held.map(({ closed }) => closed)).toEqual([false, false]);
  });
});
