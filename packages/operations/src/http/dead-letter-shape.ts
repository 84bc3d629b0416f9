import type { DeadLetterLine } from '@orderflow/messaging/dead-letter-desk';
import { writeTime } from '@orderflow/service-runtime/fields';
import type { DeadLetterShape, Service } from '../shapes.ts';
import { showBytes } from './bytes.ts';

export function showDeadLetter(service: Service, line: DeadLetterLine): DeadLetterShape {
  const { id, step, topic, partition, offset, key, eventId, reason, error, parkedAt, closedAt } = line;
  return {
    id,
    service,
    step,
    topic,
    partition,
    offset,
    key: key && showBytes(key),
    eventId: eventId === null ? null : Buffer.from(eventId, 'base64').toString(),
    reason,
    error,
    parkedAt: writeTime(parkedAt),
    closedAt: closedAt && writeTime(closedAt),
    outcome: line.outcome,
    closedBy: line.closedBy,
    note: line.note,
  };
}
