import { describe, expect, it } from '@jest/globals';
import { defineEvent } from '@orderflow/shared-events/contract';
import { orderSoFar } from '@orderflow/shared-events/order-so-far';
import { toDeliveries } from '@orderflow/testing/events';
import { anOrder, received } from '@orderflow/testing/orders';
import { decodeBatch } from './deliver.ts';
import { defineStep, topicsOf, type Step } from './step.ts';

const first = defineEvent({
  type: 'toy.asked',
  version: 1,
  topic: 'toy-asked',
  publisher: 'order',
  schema: orderSoFar,
});
const second = defineEvent({
  type: 'toy.asked',
  version: 2,
  topic: 'toy-asked',
  publisher: 'order',
  schema: orderSoFar.extend({ store: orderSoFar.shape.orderId }),
  extraKeys: ['store'],
});

/** Says of each event what only its version can tell. */
const reading = defineStep({
  name: 'toy.read',
  on: [first, second],
  emits: [],
  fences: [],
  load: () => Promise.resolve(null),
  decide: (_, event) => [{ type: event.version === 2 ? `in store ${event.data.store}` : 'anywhere' }],
  evolve: (state) => state,
  save: () => undefined,
});
const step = reading as unknown as Step;

const inFirst = (orderId: number) => toDeliveries([received(first, anOrder({ orderId }))], first);
const inSecond = (orderId: number, contract = second) =>
  toDeliveries([received(contract, { ...anOrder({ orderId }), store: 7 })], contract);

describe('a step that reads two versions of a topic', () => {
  it('gets each event in the version it was published in, in the order of the batch', () => {
    const { events, refused } = decodeBatch(step, [...inSecond(1), ...inFirst(2), ...inSecond(3)]);
    expect(refused).toEqual([]);
    expect(events.map(({ version, data }) => `v${version} of ${data.orderId}`)).toEqual([
      'v2 of 1',
      'v1 of 2',
      'v2 of 3',
    ]);
  });

  it('can tell them apart when it decides', () => {
    const { events } = decodeBatch(step, [...inSecond(1), ...inFirst(2)]);
    expect(events.map((event) => step.decide(null, event, new Date(0)))).toEqual([
      [{ type: 'in store 7' }],
      [{ type: 'anywhere' }],
    ]);
  });

  it('has a version it does not name parked as UNKNOWN_VERSION, and reads what is around it', () => {
    const third = { ...second, version: 3 } as unknown as typeof second;
    const { events, refused } = decodeBatch(step, [...inFirst(1), ...inSecond(2, third), ...inSecond(3)]);
    expect(events.map(({ data }) => data.orderId)).toEqual([1, 3]);
    expect(refused.map(({ reason, error }) => `${reason}: ${error}`)).toEqual([
      'UNKNOWN_VERSION: ce_type toy.asked.v3, expected toy.asked.v1 or toy.asked.v2',
    ]);
  });

  it('reads the topic once', () => {
    expect(topicsOf(step)).toEqual(['toy-asked']);
  });
});
