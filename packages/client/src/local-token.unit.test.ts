import { afterEach, describe, expect, it } from '@jest/globals';
import { localToken } from './local-token.ts';
import { answer, cutOff, playScenes, problem, type ScriptedServer } from './scripted-server.test.ts';

let server: ScriptedServer;

afterEach(() => server.close());

const token = (accessToken: string, expiresIn: number) => answer(200, { accessToken, expiresIn });

describe('a token of the local stack', () => {
  it('is asked for once by all who need it at the same time, and kept', async () => {
    server = await playScenes(token('a', 900));
    const source = localToken(server.url, 7, ['admin']);
    expect(await Promise.all([source(), source(), source()])).toEqual(['a', 'a', 'a']);
    expect(await source()).toBe('a');
    expect(server.seen).toHaveLength(1);
    expect(server.seen[0]).toMatchObject({
      method: 'POST',
      path: '/v1/auth/token',
      body: '{"userId":7,"roles":["admin"]}',
    });
  });

  it('is replaced a minute before its end, once for all', async () => {
    server = await playScenes(token('a', 59), token('b', 900));
    const source = localToken(server.url, 7);
    expect(await source()).toBe('a');
    expect(await Promise.all([source(), source()])).toEqual(['b', 'b']);
    expect(server.seen).toHaveLength(2);
  });

  it('is asked for again after a lost answer, and after a failure by the next caller', async () => {
    server = await playScenes(problem(404, 'ROUTE_NOT_FOUND'), cutOff, token('a', 900));
    const source = localToken(server.url, 7);
    await expect(source()).rejects.toMatchObject({ code: 'ROUTE_NOT_FOUND' });
    expect(await source()).toBe('a');
  });
});
