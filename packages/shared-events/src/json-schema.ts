import { z } from 'zod';
import { wireType, type EventContract } from './contract.ts';

/**
 * The JSON Schema (draft 2020-12) of an event's data as they are on the wire: `ce_dataschema` names it. Unknown fields
 * are allowed, since a later minor change may add some.
 */
export function jsonSchemaOf(contract: EventContract): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(contract.schema, { io: 'input' });
  return {
    $schema,
    title: wireType(contract),
    description: `The value of a message in ${contract.topic}.`,
    ...schema,
  };
}
