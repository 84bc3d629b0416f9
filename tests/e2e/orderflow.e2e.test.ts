import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeApiExamples } from './api-examples.ts';
import { describeApiPage } from './api-page.ts';
import { describeApiRows } from './api-rows.ts';
import { describeBadMessages } from './bad-messages.ts';
import { describeClientReadme } from './client-readme.ts';
import { describeBadRequests } from './bad-requests.ts';
import { describeCommandLine } from './command-line.ts';
import { describeDuplicates } from './duplicates.ts';
import { describeKills } from './kills.ts';
import { describeOutcomes } from './outcomes.ts';
import { describePoison } from './poison.ts';
import { describeRaces } from './races.ts';
import { describeReadme } from './readme.ts';
import { describeRequests } from './requests.ts';
import { planStack, type RunningStack } from './running-stack.ts';
import { describeWithoutRedis } from './without-redis.ts';

/**
 * One real stack for all of it, started as a user starts it. The parts run in this order: what follows a fault finds
 * the stack healed. One part alone: `npm test -- e2e -t "kill -9"`.
 */
describe('the running stack', () => {
  let stack: RunningStack;
  const running = () => stack;

  beforeAll(async () => {
    stack = await planStack();
    await stack.start();
  }, 180_000);

  afterAll(async () => {
    await stack.stop();
    stack.remove();
  }, 60_000);

  describeApiExamples(running);
  describeApiPage(running);
  describeApiRows(running);
  describeOutcomes(running);
  describeRequests(running);
  describeReadme(running);
  describeClientReadme(running);
  describeCommandLine(running);
  describeDuplicates(running);
  describePoison(running);
  describeBadRequests(running);
  describeBadMessages(running);
  describeRaces(running);
  describeKills(running);
  describeWithoutRedis(running);

  it('leaves no process behind when it is stopped', async () => {
    const pids = Object.values(stack.current().pids);
    await stack.stop();
    expect(pids.filter(isAlive)).toEqual([]);
  }, 30_000);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
