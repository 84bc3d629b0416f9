import type { ReceivedEvent } from '@orderflow/shared-events/contract';
import { worldNames } from './explore.ts';
import { check } from './promises.ts';
import { memoized, NOW, ORDER, type Saga } from './saga.ts';
import { movesFrom, newOrder, readersOf, Violation, type Bounds, type Move, type World } from './world.ts';

export interface MoveAlone extends Pick<Move, 'label' | 'needs'> {
  /** The world that it leads to, by its place. */
  readonly to: number;
}

/** The worlds of one order, and the moves from each to another. */
interface Alone {
  readonly worlds: readonly World[];
  readonly moves: readonly (readonly MoveAlone[])[];
}

/** All worlds of one order that may get or be refused whatever it asks for; the first is the new order. */
export function walkAlone(saga: Saga, bounds: Bounds, seenAs: (world: World) => World): Alone {
  const nameOf = worldNames();
  const worlds = [seenAs(newOrder())];
  const ids = new Map([[nameOf(worlds[0] as World), 0]]);
  const moves: MoveAlone[][] = [];
  for (let id = 0; id < worlds.length; id += 1) {
    const world = worlds[id] as World;
    const next = brokenAlone(saga, world, bounds) === null ? movesFrom(saga, world, bounds) : [];
    moves.push(
      next.flatMap(({ world: reached, ...move }) => {
        const seen = seenAs(reached);
        const name = nameOf(seen);
        let to = ids.get(name);
        if (to === undefined) ids.set(name, (to = worlds.push(seen) - 1));
        return to === id ? [] : [{ ...move, to }];
      }),
    );
  }
  return { worlds, moves };
}

function hasEffect(saga: Saga, world: World, reader: string, event: ReceivedEvent): boolean {
  if (reader === 'order.advance') {
    const orders = new Map([[ORDER, world.order]]);
    return saga.advance(orders, event as Parameters<typeof saga.advance>[1], NOW).length > 0;
  }
  const step = saga.steps.find(({ name }) => name === reader);
  return step !== undefined && step.decide(world.rows[step.row], event, true).facts.length > 0;
}

/**
 * The same world, each message read by whom it tells nothing. Worlds that differ in such messages only are one: what has
 * no effect never has one later (`returningEffect`). It is what makes pairs few enough to walk.
 */
export function withoutIdleMessages(saga: Saga, world: World): World {
  const published = world.published.map((message) => {
    const { event } = message;
    const delivered = readersOf(saga, event.type).reduce(
      (bits, reader, bit) => (hasEffect(saga, world, reader, event) ? bits : bits | (1 << bit)),
      message.delivered,
    );
    return delivered === message.delivered ? message : { ...message, delivered };
  });
  return { ...world, published };
}

/** A message that tells a reader nothing in one world and something in a later one; null when there is none. */
export function returningEffect(given: Saga, bounds: Bounds): string | null {
  const saga = memoized(given);
  const { worlds, moves } = walkAlone(saga, bounds, (world) => world);
  for (const [id, world] of worlds.entries()) {
    for (const { event } of world.published) {
      for (const reader of readersOf(saga, event.type)) {
        if (hasEffect(saga, world, reader, event)) continue;
        const back = moves[id]?.find(({ to }) => hasEffect(saga, worlds[to] as World, reader, event));
        if (back) return `${reader} has no use for ${event.id} until: ${back.label}`;
      }
    }
  }
  return null;
}

/** What is wrong with an order whatever another one does; null when nothing is. */
export function brokenAlone(saga: Saga, world: World, bounds: Bounds): string | null {
  try {
    check(saga, world, bounds);
    return null;
  } catch (error) {
    if (error instanceof Violation) return error.message;
    throw error;
  }
}
