import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { waitUntil } from '@orderflow/testing/wait-until';
import { listen, PortTakenError } from './listen.ts';

const host = '127.0.0.1';

async function exchange(port: number, text: string): Promise<string> {
  const socket = connect(port, host);
  let answer = '';
  socket.setEncoding('utf8').on('data', (part: string) => (answer += part));
  socket.write(text);
  await once(socket, 'close');
  return answer;
}

describe('a listening server', () => {
  it('answers what Node’s parser refuses with problem+json too', async () => {
    const door = await listen((_request, response) => response.end(), { host, port: 0 });
    const large = await exchange(
      door.port,
      `GET / HTTP/1.1\r\nHost: x\r\nX-Big: ${'a'.repeat(64 * 1024)}\r\n\r\n`,
    );
    expect(large).toMatch(/^HTTP\/1\.1 431 .*\r\nContent-Type: application\/problem\+json/);
    expect(JSON.parse(large.split('\r\n\r\n')[1] ?? '')).toMatchObject({
      status: 431,
      code: 'HEADERS_TOO_LARGE',
    });
    const junk = await exchange(door.port, 'no http\r\n\r\n');
    expect(JSON.parse(junk.split('\r\n\r\n')[1] ?? '')).toMatchObject({
      status: 400,
      code: 'MALFORMED_REQUEST',
    });
    await door.close();
  });

  it('leaves no answer to Node that would have no body: a missing Host, an unknown Expect', async () => {
    const door = await listen((_request, response) => response.end('ours'), { host, port: 0 });
    const end = 'Connection: close\r\n\r\n';
    expect(await exchange(door.port, `GET / HTTP/1.1\r\n${end}`)).toContain('ours');
    expect(await exchange(door.port, `GET / HTTP/1.1\r\nHost: x\r\nExpect: much\r\n${end}`)).toContain(
      'ours',
    );
    await door.close();
  });

  it.each([
    ['GET', '/v1/x?y=1', '/v1/x?y=1'],
    ['GET', 'http://elsewhere.example/v1/x?y=1', '/v1/x?y=1'],
    ['GET', 'HTTPS://elsewhere.example?y=1', '/?y=1'],
    ['OPTIONS', '*', '*'],
    ['GET', '/v1/x#y', null],
    ['GET', 'http://elsewhere.example/v1/x#y', null],
    ['GET', 'ftp://elsewhere.example/v1/x', null],
    ['GET', 'http:///v1/x', null],
  ])('reads the target of %s %s as %s', async (method, target, path) => {
    const door = await listen((request, response) => response.end(`read ${request.url}.`), { host, port: 0 });
    const answer = await exchange(door.port, `${method} ${target} HTTP/1.1\r\nConnection: close\r\n\r\n`);
    if (path === null) expect(answer).toMatch(/^HTTP\/1.1 400 [^]*"code":"MALFORMED_REQUEST"/);
    else expect(answer).toContain(`read ${path}.`);
    await door.close();
  });

  it.each([
    ['headers', 'GET / HTTP/1.1\r\nHost: x\r\n'],
    ['body', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf'],
  ])('answers 408 to a request whose %s do not arrive in time', async (_what, text) => {
    const read = (request: IncomingMessage) => void request.resume();
    const door = await listen(read, { host, port: 0, requestTimeoutMs: 200 });
    const startedAt = performance.now();
    const answer = await exchange(door.port, text);
    expect(answer).toMatch(/^HTTP\/1.1 408 .*\r\nContent-Type: application\/problem\+json/);
    expect(answer).toContain('"code":"REQUEST_TIMEOUT"');
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    await door.close();
  });

  it('takes no more connections than it may', async () => {
    const door = await listen((_request, response) => response.end('ours'), {
      host,
      port: 0,
      connectionsMax: 1,
    });
    const first = connect(door.port, host);
    await once(first, 'connect');
    await waitUntil(
      () => new Promise((resolve) => door.server.getConnections((_error, n) => resolve(n === 1))),
    );
    const refused = await exchange(door.port, 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n').catch(() => '');
    expect(refused).toBe('');
    first.destroy();
    await waitUntil(
      async () => (await exchange(door.port, 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n')) !== '',
    );
    await door.close();
  });

  it('names the port that another process holds', async () => {
    const door = await listen(() => undefined, { host, port: 0 });
    const second = listen(() => undefined, { host, port: door.port });
    await expect(second).rejects.toThrow(PortTakenError);
    await expect(second).rejects.toThrow(`port ${door.port} on 127.0.0.1 is taken`);
    await door.close();
  });

  it('lets running requests finish when it closes, takes no new ones, and ends idle connections', async () => {
    let finish = () => undefined as unknown;
    const door = await listen(
      (request, response) => {
        if (request.url === '/slow') finish = () => response.end('done');
        else response.end('quick');
      },
      { host, port: 0 },
    );
    const agent = new Agent({ keepAlive: true });
    const ask = (path: string) =>
      new Promise<string>((resolve, reject) => {
        get(`${door.url}${path}`, { agent }, (response) => {
          let text = '';
          response
            .setEncoding('utf8')
            .on('data', (part: string) => (text += part))
            .on('end', () => resolve(text));
        }).on('error', reject);
      });
    expect(await ask('/')).toBe('quick');
    const arrived = once(door.server, 'request');
    const slow = ask('/slow');
    await arrived;
    let closed = false;
    const closing = door.close().then(() => (closed = true));
    await expect(exchange(door.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
    expect(closed).toBe(false);
    finish();
    expect(await slow).toBe('done');
    await closing;
    agent.destroy();
  });
});
