import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger } from '@orderflow/service-runtime/logger';
import type { UntypedRequest } from '@orderflow/service-runtime/route';
import { OrderFeed } from './order-feed.ts';
import { streamOrder } from './stream-order.ts';

describe('a stream asked for while the process stops', () => {
  let feed: OrderFeed;

  /** No order is here. */
  beforeEach(() => {
    feed = new OrderFeed({
      read: async () => [],
      channel: { tell: () => undefined, listen: () => undefined, isLive: () => true, close: () => undefined },
      logger: createLogger({ service: 'test', level: 'silent' }),
    });
  });
  afterEach(() => feed.close());

  async function ask(signal: AbortSignal) {
    const request = { caller: { userId: 1 }, params: { id: 7 }, header: () => undefined, signal };
    const answer = await streamOrder(feed, 10).handle(request as unknown as UntypedRequest);
    const events: unknown[] = [];
    if ('events' in answer) for await (const event of answer.events) events.push(event);
    return { status: answer.status, events };
  }

  it('ends without a word: whether there is such an order is not known', async () => {
    expect(await ask(AbortSignal.abort())).toEqual({ status: 200, events: [] });
    const stopping = new AbortController();
    const asked = ask(stopping.signal);
    stopping.abort();
    expect(await asked).toEqual({ status: 200, events: [] });
  });

  it('is refused at any other time when there is none', async () => {
    await expect(ask(new AbortController().signal)).rejects.toMatchObject({ code: 'ORDER_NOT_FOUND' });
  });
});
