import { expect, it } from '@jest/globals';
import { waitUntil } from '@orderflow/testing/wait-until';
import type { Asking } from './api-asking.ts';
import { person, product } from './api-people.ts';
import type { RunningStack } from '@orderflow/testing/running-stack';
import { publish } from './topics.ts';

const UNKNOWN = 9_007_199_254_740_991;
const SERVICES = ['coupon', 'order', 'payment', 'product', 'user-balance'];

/** One message that no step can take, parked in the order service. Returns its dead letter's id. */
async function park(stack: RunningStack): Promise<number> {
  const open = async () =>
    (await stack.sql<{ id: string }>('order', 'SELECT id FROM dead_letters ORDER BY id DESC LIMIT 1'))[0]?.id;
  const before = await open();
  const record = { topic: 'stock-rejected', key: Buffer.from('1'), value: Buffer.from('{'), headers: {} };
  await publish(stack, [record]);
  await waitUntil(async () => (await open()) !== before, { what: 'a dead letter' });
  return Number(await open());
}

/** The rows of operators. */
export function describeOperatorRows(asking: Asking, stack: () => RunningStack): void {
  it('operators see where orders are, what is unpublished, how far steps are behind, and the books', async () => {
    const token = await asking.token(1, 'operator');
    const saga = await asking.expect('getSaga', { token }, 200);
    expect(Object.keys(saga.body['orders'] as object)).toContain('PAID');
    const outbox = await asking.expect('listOutboxes', { token }, 200);
    expect(outbox.body.data?.map(({ service }) => service).sort()).toEqual(SERVICES);
    expect(outbox.body['unavailable']).toEqual([]);
    const lag = await asking.expect('listLag', { token }, 200);
    await asking.expect('listStuckOrders', { token }, 200);
    const steps = new Set(lag.body.data?.map(({ step }) => step));
    expect(steps.size).toBe(10);
    const books = await asking.expect('getReconciliation', { token }, 200);
    expect(books.body).toMatchObject({ ok: true, unavailable: [] });
    await asking.expect('resumeStep', { token, path: { step: 'coupon.apply' } }, 202);
    await asking.expect('resumeStep', { token, path: { step: 'coupon.unknown' } }, 404, 'STEP_NOT_FOUND');
  });

  it('dead letters are listed, shown, tried without effect, refused when too old, and discarded', async () => {
    const token = await asking.token(1, 'operator');
    const id = await park(stack());
    const query = { service: 'order', topic: 'stock-rejected' };
    const listed = await asking.expect('listDeadLetters', { token, query }, 200);
    expect(listed.body.data?.[0]).toMatchObject({ id, service: 'order', topic: 'stock-rejected' });
    const shown = await asking.expect('getDeadLetter', { token, path: { service: 'order', id } }, 200);
    expect(shown.body['value']).toEqual({ encoding: 'utf8', text: '{' });
    const unknown = { token, path: { service: 'order', id: UNKNOWN } };
    await asking.expect('getDeadLetter', unknown, 404, 'DEAD_LETTER_NOT_FOUND');
    const body = { service: 'order', ids: [id], reason: 'a test' };
    const dry = await asking.expect('replayDeadLetters', { token, body: { ...body, dryRun: true } }, 200);
    expect(dry.body).toMatchObject({ dryRun: true, matched: 1 });
    const refused = await asking.expect('replayDeadLetters', { token, body }, 200);
    expect(refused.body).toMatchObject({ replayed: 0, refused: [{ id }] });
    const nowhere = { token, body: { ...body, ids: [UNKNOWN] } };
    await asking.expect('replayDeadLetters', nowhere, 404, 'DEAD_LETTER_NOT_FOUND');
    await asking.expect('discardDeadLetters', nowhere, 404, 'DEAD_LETTER_NOT_FOUND');
    await stack().sql(
      'order',
      `UPDATE dead_letters SET parked_at = now() - interval '22 days' WHERE id = $1`,
      [id],
    );
    await asking.expect('replayDeadLetters', { token, body }, 409, 'TOO_OLD');
    const gone = await asking.expect('discardDeadLetters', { token, body }, 200);
    expect(gone.body).toMatchObject({ discarded: 1, refused: [] });
    const [row] = await stack().sql<{ subject: string; action: string }>(
      'order',
      'SELECT subject, action FROM operator_actions ORDER BY id DESC LIMIT 1',
    );
    expect(row).toEqual({ subject: '1', action: 'dead-letters.discard' });
  });

  it('an order that waits for an answer is nudged; another one is not', async () => {
    const token = await asking.token(1, 'operator');
    const me = await person(asking);
    await asking.expect('topUpBalance', { token: me.token, body: { amount: '1000.00' } }, 201);
    const body = { items: [{ productId: await product(asking), quantity: 1 }] };
    const place = { token: me.token, body };
    const { body: done } = await asking.expect(
      'placeOrder',
      { ...place, headers: { Prefer: 'wait=10' } },
      201,
    );
    const path = { id: Number(done['id']) };
    await asking.expect('nudgeOrder', { token, path }, 409, 'NOT_CANCELLING');
    await asking.expect('nudgeOrder', { token, path: { id: UNKNOWN } }, 404, 'ORDER_NOT_FOUND');
    // A service that stands still for a moment cannot answer, and comes back before its session ends.
    const coupon = stack().current().pids['coupon'];
    if (coupon === undefined) throw new Error('no coupon process');
    process.kill(coupon, 'SIGSTOP');
    try {
      await asking.expect('cancelOrder', { token: me.token, path }, 202);
      const nudged = await asking.expect('nudgeOrder', { token, path }, 202);
      expect(nudged.body).toEqual({ orderId: path.id, attempt: 1 });
    } finally {
      process.kill(coupon, 'SIGCONT');
    }
    const status = async () =>
      (await asking.expect('getOrder', { token: me.token, path }, 200)).body['status'];
    await waitUntil(async () => (await status()) === 'CANCELLED', { what: 'the end of the refund' });
  });
}
