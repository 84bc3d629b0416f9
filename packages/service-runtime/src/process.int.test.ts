import { describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

const built = new URL('../dist/', import.meta.url).href;

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a process as a service's main.ts does, from the built package. */
function run(
  start: string,
  ipc = false,
): { child: ChildProcess; ready: Promise<unknown>; ended: Promise<Ended> } {
  const source = `
    import { runProcess } from '${built}process.js';
    import { ConfigError } from '${built}config.js';
    import { listen } from '${built}listen.js';
    await runProcess({ name: 'probe', start: async () => { ${start} } });
    console.log('started');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'pipe', ...(ipc ? (['ipc'] as const) : [])],
  });
  let out = '';
  let err = '';
  const ready = new Promise((resolve) => {
    child.stdout?.on('data', (part: Buffer) => {
      out += part.toString();
      if (out.includes('started')) resolve(undefined);
    });
  });
  child.stderr?.on('data', (part: Buffer) => (err += part.toString()));
  // Not 'close': it does not come after disconnect().
  const outputEnded = [child.stdout, child.stderr].map((stream) => stream && once(stream, 'end'));
  const ended = Promise.all([once(child, 'exit'), ...outputEnded]).then(([[code]]) => ({
    code: code as number | null,
    out,
    err,
  }));
  return { child, ready, ended };
}

const idle = 'setInterval(() => {}, 1000);';
const stopping = `${idle} return { stop: async () => console.log('stop was called') };`;

describe('a process', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('stops and exits 0 on %s', async (signal) => {
    const { child, ready, ended } = run(stopping);
    await ready;
    child.kill(signal);
    child.kill(signal);
    const { code, out } = await ended;
    expect(code).toBe(0);
    expect(out.match(/stop was called/g)).toHaveLength(1);
  });

  it('stops when the process that started it is gone', async () => {
    const { child, ready, ended } = run(stopping, true);
    await ready;
    child.disconnect();
    expect(await ended).toMatchObject({ code: 0, out: expect.stringContaining('stop was called') });
  });

  it('stops after its start when it was told so meanwhile', async () => {
    const { child, ended } = run(
      `${idle} process.stdout.write('starting'); await new Promise((resolve) => process.once('SIGTERM', () => setTimeout(resolve, 50))); return { stop: async () => console.log('stop was called') };`,
    );
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 0, out: expect.stringContaining('stop was called') });
  });

  it('exits 5 s after it was told, whatever still runs', async () => {
    const { child, ready, ended } = run(`${idle} return { stop: () => new Promise(() => {}) };`);
    await ready;
    const startedAt = performance.now();
    child.kill('SIGTERM');
    expect((await ended).code).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(6_000);
  });

  it('exits 78 with every configuration problem on standard error, and no stack', async () => {
    const { code, err } = await run(`throw new ConfigError(['PORT is not set', 'REDIS_URL: must be a URL'])`)
      .ended;
    expect(code).toBe(78);
    expect(err).toBe(
      'probe: configuration is not usable:\n  - PORT is not set\n  - REDIS_URL: must be a URL\n',
    );
  });

  it.each([
    ['a start that fails', `throw new Error('no way')`],
    [
      'an exception nobody caught',
      `${idle} setTimeout(() => { throw new Error('no way') }, 10); return { stop: async () => {} }`,
    ],
    [
      'a rejection nobody handled',
      `${idle} void Promise.reject(new Error('no way')); return { stop: async () => {} }`,
    ],
  ])('exits 1 after %s and says why', async (_what, start) => {
    const { code, out } = await run(start).ended;
    expect(code).toBe(1);
    expect(out).toContain('"level":"fatal"');
    expect(out).toContain('no way');
  });

  it('exits 1 and names a port that is taken', async () => {
    const { code, out } = await run(
      `const first = await listen(() => {}, { host: '127.0.0.1', port: 0 }); await listen(() => {}, { host: '127.0.0.1', port: first.port });`,
    ).ended;
    expect(code).toBe(1);
    expect(out).toMatch(/cannot start: port \d+ on 127\.0\.0\.1 is taken/);
  });
});
