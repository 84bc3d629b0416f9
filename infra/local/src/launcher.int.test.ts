import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkPortsFree, planPorts, PORT_OFFSET_VARIABLE } from './ports.ts';
import { startTimeOf } from './process-table.ts';
import { ROOT, STATE_DIR_VARIABLE } from './settings.ts';
import { readStack, type Stack } from './stack-file.ts';
import { systemEnv } from './system-env.ts';
import { waitUntil } from './wait-until.ts';

const MAIN = join(ROOT, 'infra', 'local', 'dist', 'main.js');
const stateDir = mkdtempSync(join(tmpdir(), 'orderflow-launcher-'));

interface Launcher {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  output(): string;
}

/** An offset at which every port is free now. */
async function freeOffset(): Promise<string> {
  for (;;) {
    // Below the ports that outgoing connections get by chance (32768 and up): one of those may take a port meanwhile.
    const offset = String(10_000 + Math.floor(Math.random() * 12_000));
    const free = await checkPortsFree(planPorts({ [PORT_OFFSET_VARIABLE]: offset })).then(
      () => true,
      () => false,
    );
    if (free) return offset;
  }
}

let offset = '';
const launchers: Launcher[] = [];

function launch(...words: string[]): Launcher {
  const env = { ...systemEnv(), [PORT_OFFSET_VARIABLE]: offset, [STATE_DIR_VARIABLE]: stateDir };
  const child = spawn(process.execPath, [MAIN, ...words], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr.on('data', (data: Buffer) => (output += data.toString()));
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const launcher = { child, exited, output: () => output };
  launchers.push(launcher);
  return launcher;
}

async function launchReady(): Promise<{ launcher: Launcher; stack: Stack }> {
  const launcher = launch('--no-demo');
  const up = () => launcher.output().includes('Running.');
  await waitUntil('the stack is up', () => up() || launcher.child.exitCode !== null);
  if (!up()) throw new Error(launcher.output());
  return { launcher, stack: readStack(stateDir) as Stack };
}

function alive(stack: Stack): string[] {
  const names = Object.keys(stack.pids);
  return names.filter((name) => startTimeOf(stack.pids[name] as number) === stack.startTimes[name]);
}

describe('npm start', () => {
  let current: { launcher: Launcher; stack: Stack };

  beforeAll(async () => {
    offset = await freeOffset();
    current = await launchReady();
  }, 90_000);

  afterAll(async () => {
    for (const { child, exited } of launchers) {
      child.kill('SIGINT');
      await exited;
    }
    rmSync(stateDir, { recursive: true, force: true });
  }, 30_000);

  it('writes a stack file in which every process is alive', () => {
    const backends = ['kafka', 'postgres', 'redis'];
    expect(Object.keys(current.stack.pids)).toEqual(expect.arrayContaining(backends));
    expect(alive(current.stack).sort()).toEqual(Object.keys(current.stack.pids).sort());
    expect(current.stack.readyAt).not.toBeNull();
  });

  it('refuses a second start naming a taken port and its variable, and leaves the first alone', async () => {
    const second = launch('--no-demo');
    expect(await second.exited).toBe(69);
    expect(second.output()).toContain('ORDERFLOW_GATEWAY_PORT');
    expect(second.output()).toContain(PORT_OFFSET_VARIABLE);
    expect(alive(current.stack)).toEqual(Object.keys(current.stack.pids));
  });

  it.each(['redis', 'postgres'])(
    'starts %s again after kill -9, and says so',
    async (name) => {
      process.kill(current.stack.pids[name] as number, 'SIGKILL');
      await waitUntil(`${name} is back`, () => current.launcher.output().includes(`${name} is ready again`));
      expect(current.launcher.output()).toContain(`${name} ended (signal SIGKILL)`);
      const after = readStack(stateDir) as Stack;
      expect(after.pids[name]).not.toBe(current.stack.pids[name]);
      expect(alive(after)).toContain(name);
    },
    60_000,
  );

  it('leaves no process when the launcher is killed, and starts again from what is there', async () => {
    const before = readStack(stateDir) as Stack;
    current.launcher.child.kill('SIGKILL');
    await waitUntil('every process has ended', () => alive(before).length === 0, 15_000);
    current = await launchReady();
    expect(current.stack.databases).toEqual(before.databases);
  }, 90_000);

  it('stops everything within 10 s of Ctrl-C, exits 0 and leaves no process and no stack file', async () => {
    const stack = readStack(stateDir) as Stack;
    const startedAt = Date.now();
    current.launcher.child.kill('SIGINT');
    expect(await current.launcher.exited).toBe(0);
    expect(Date.now() - startedAt).toBeLessThan(10_000);
    expect(alive(stack)).toEqual([]);
    expect(readStack(stateDir)).toBeNull();
  }, 15_000);

  it('ends a start that is interrupted, without leaving a process', async () => {
    const launcher = launch('--no-demo');
    await waitUntil('Kafka is launched', () => readStack(stateDir)?.pids['kafka'] !== undefined);
    const stack = readStack(stateDir) as Stack;
    launcher.child.kill('SIGTERM');
    expect(await launcher.exited).toBe(130);
    expect(alive(stack)).toEqual([]);
  }, 30_000);
});
