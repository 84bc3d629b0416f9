import { describe, expect, it } from '@jest/globals';
import { latenciesOf } from './latency.ts';

/** Requests every 10 ms from 1,000 on: [status, order id, answered at]. */
function answers(...rows: readonly [number, number, number][]) {
  return {
    scheduledAt: Float64Array.from(rows, (_, index) => 1_000 + index * 10),
    answeredAt: Float64Array.from(rows, ([, , at]) => at),
    status: Uint16Array.from(rows, ([status]) => status),
    orderId: Float64Array.from(rows, ([, id]) => id),
  };
}

describe('latenciesOf', () => {
  it('counts answer and payment from the scheduled time', () => {
    const { ack, paid, failed } = latenciesOf(
      answers([202, 5, 1_003], [201, 6, 1_012]),
      new Map([
        [5, 1_030],
        [6, 1_050],
      ]),
    );
    expect(ack).toMatchObject({ n: 2, p50Ms: 2, maxMs: 3 });
    expect(paid).toMatchObject({ n: 2, p50Ms: 30, maxMs: 40 });
    expect(failed).toBe(0);
  });

  it('counts as failed what has no answer, was refused, or was not paid', () => {
    const { ack, failed } = latenciesOf(
      answers([202, 5, 1_003], [0, 0, 0], [503, 0, 1_021], [202, 8, 1_033]),
      new Map([[5, 1_030]]),
    );
    expect(ack.n).toBe(1);
    expect(failed).toBe(3);
  });

  it('has no figures when nothing was paid', () => {
    expect(() => latenciesOf(answers([503, 0, 1_001]), new Map())).toThrow('none of 1 orders was paid');
  });
});
