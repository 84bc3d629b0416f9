import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeApiExamples } from './api-examples.ts';
import { describeApiPage } from './api-page.ts';
import { describeApiRows } from './api-rows.ts';
import { describeBadMessages } from './bad-messages.ts';
import { describeClientReadme } from './client-readme.ts';
import { describeBadRequests } from './bad-requests.ts';
import { describeCommandLine } from './command-line.ts';
import { describeDatabaseRoles } from './database-roles.ts';
import { describeDuplicates } from './duplicates.ts';
import { describeExpandContract } from './expand-contract.ts';
import { describeKills } from './kills.ts';
import { describeLogSecrets } from './log-secrets.ts';
import { describeOutcomes } from './outcomes.ts';
import { describeOverload } from './overload.ts';
import { describeOwnerScope } from './owner-scope.ts';
import { describePoison } from './poison.ts';
import { describeRaces } from './races.ts';
import { describeRandomKills } from './random-kills.ts';
import { describeReadme } from './readme.ts';
import { describeReplays } from './replays.ts';
import { describeRequests } from './requests.ts';
import { describeRollingUpgrade } from './rolling-upgrade.ts';
import { planStack, type RunningStack } from '@orderflow/testing/running-stack';
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
  describeReplays(running);
  describeBadRequests(running);
  describeBadMessages(running);
  describeOwnerScope(running);
  describeDatabaseRoles(running);
  describeRaces(running);
  describeOverload(running);
  describeKills(running);
  describeRandomKills(running);
  describeWithoutRedis(running);
  describeExpandContract(running);
  // Last: its topics hold a version that this release does not know.
  describeRollingUpgrade(running);

  it('leaves no process behind when it is stopped', async () => {
    const pids = Object.values(stack.current().pids);
    await stack.stop();
    expect(pids.filter(isAlive)).toEqual([]);
  }, 30_000);

  describeLogSecrets(running);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
