import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Consumer } from 'kafkajs';
import { OffsetCommits } from './offset-commits.ts';
import { quietLogger } from './quiet-logger.test.ts';

describe('the commits of resolved offsets', () => {
  const commitOffsets = jest.fn<Consumer['commitOffsets']>();
  let offsets: OffsetCommits;

  beforeEach(() => {
    jest.useFakeTimers();
    commitOffsets.mockReset().mockResolvedValue();
    offsets = new OffsetCommits({ commitOffsets }, { logger: quietLogger() });
  });
  afterEach(async () => {
    await offsets.stop();
    jest.useRealTimers();
  });

  const aSecond = () => jest.advanceTimersByTimeAsync(1_000);
  /** What was committed, a list a request. */
  const commits = () =>
    commitOffsets.mock.calls.map(([list]) => list.map(({ partition, offset }) => `${partition}: ${offset}`));
  /** The next commit is under way until it is ended. */
  const holdCommit = () => {
    let end: { done: () => void; fail: () => void } = { done: () => undefined, fail: () => undefined };
    commitOffsets.mockImplementationOnce(
      () =>
        new Promise((resolve, reject) => {
          end = { done: resolve, fail: () => reject(new Error('ILLEGAL_GENERATION')) };
        }),
    );
    return { done: () => end.done(), fail: () => end.fail() };
  };

  it('are made once a second, of the newest offset of each partition, while there is any', async () => {
    offsets.resolved('asked', 0, '4');
    offsets.resolved('asked', 1, '9');
    offsets.resolved('asked', 0, '6');
    await aSecond();
    await aSecond();
    expect(commits()).toEqual([['0: 7', '1: 10']]);
  });

  it('are made again when they failed', async () => {
    commitOffsets.mockRejectedValueOnce(new Error('the coordinator is loading'));
    offsets.resolved('asked', 0, '4');
    await aSecond();
    await aSecond();
    expect(commits()).toEqual([['0: 5'], ['0: 5']]);
  });

  it('leave to the next second what was resolved while they were under way', async () => {
    const first = holdCommit();
    offsets.resolved('asked', 0, '4');
    await aSecond();
    offsets.resolved('asked', 0, '5');
    first.done();
    await aSecond();
    await aSecond();
    expect(commits()).toEqual([['0: 5'], ['0: 6']]);
  });

  it('that fail after the partitions have moved on are not made again: a newer member’s would be taken back', async () => {
    const first = holdCommit();
    offsets.resolved('asked', 0, '4');
    await aSecond();
    offsets.clear();
    first.fail();
    await aSecond();
    expect(commits()).toEqual([['0: 5']]);
  });
});
