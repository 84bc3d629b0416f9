/**
 * Where a crash, an error or a stall of the kit makes a difference: each stands before or behind an await, between what
 * is durable and what only memory knows. Without one are the awaits with nothing in hand (start, stop, reports, rests
 * between two rounds) and single statements: law iii ends and stalls a transaction after each of them. `coalesce` waits
 * for a write and nothing else.
 */
export const FAILPOINTS = [
  // A step's batch: locked and loaded, saved, committed, handed to the relay, resolved.
  'step.before-transaction',
  'step.loaded',
  'step.before-commit',
  'step.committed',
  'step.before-resolve',
  'step.before-heartbeat',
  // Resolved offsets, once a second.
  'offsets.before-commit',
  'offsets.committed',
  // A message that is parked alone.
  'park.before-transaction',
  'park.before-commit',
  'park.committed',
  // A send of the relay, of what memory holds or the poll claimed; the delete of what memory held.
  'relay.before-send',
  'relay.sent',
  'relay.before-delete',
  'relay.deleted',
  // The relay's poll: claim, sends and delete are one transaction.
  'poll.before-claim',
  'poll.claimed',
  'poll.before-commit',
  // A write outside the steps: of a request or a sweeper.
  'write.before-transaction',
  'write.before-commit',
  'write.committed',
  // A dead letter that an operator replays.
  'replay.before-transaction',
  'replay.loaded',
  'replay.before-commit',
  'replay.committed',
] as const;

export type Failpoint = (typeof FAILPOINTS)[number];

/**
 * Called at each failpoint and waited for; what it throws is thrown there. Tests alone hand one in: no environment
 * variable can (tests/architecture/failpoints.unit.test.ts).
 */
export type FailAt = (point: Failpoint) => Promise<void>;
