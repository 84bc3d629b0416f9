import { z } from 'zod';
import { amountOut, jsonId, listQueryBy, textOf, timeOut } from '@orderflow/service-runtime/fields';

/**
 * What operators see, one shape for a service's own part and for the gateway's whole: a service that did not answer
 * the gateway is named in `unavailable`.
 */

export const SERVICES = ['order', 'payment', 'product', 'coupon', 'user-balance'] as const;
export const serviceSchema = z.enum(SERVICES);
export type Service = z.output<typeof serviceSchema>;

export const REASONS = [
  'UNPARSEABLE',
  'SCHEMA',
  'UNKNOWN_TYPE',
  'UNKNOWN_VERSION',
  'KEY_MISMATCH',
  'UNSUPPORTED_COMPRESSION',
  'FAULT',
  'REFUND_WITHOUT_CHARGE',
] as const;
const reasonSchema = z.enum(REASONS);
const nameSchema = textOf(60, 1);

const unavailable = z
  .array(serviceSchema)
  .describe('Services that did not answer: their part is missing. Empty when all is there.');

/** The answer of a list that several services make together. */
function listOf<Item extends z.ZodType>(item: Item) {
  return z.strictObject({ data: z.array(item), nextCursor: z.string().nullable(), unavailable });
}

const seconds = z.number().min(0);
const rate = z.number().min(0);
const count = z.int().min(0);

export const outboxSchema = listOf(
  z
    .strictObject({
      service: serviceSchema,
      pendingRows: count.describe('Commits whose messages are not published yet; counted up to 100,000.'),
      oldestAgeSeconds: seconds.nullable(),
      publishedPerSecond: rate.describe('Messages, over the last minute.'),
      failingSince: timeOut
        .nullable()
        .describe('Since when nothing could be sent; null while sending works.'),
    })
    .meta({ id: 'OutboxState' }),
);

export const lagSchema = listOf(
  z
    .strictObject({
      service: serviceSchema,
      step: z.string(),
      topic: z.string(),
      partition: count,
      lag: count.describe('Messages the step has not committed yet.'),
      committedOffset: z.string().nullable(),
      endOffset: z.string(),
      ratePerSecond: rate
        .nullable()
        .describe('Messages read lately; null until there are two looks to compare.'),
      catchUpSeconds: seconds
        .nullable()
        .describe(
          'When the lag is gone if both sides go on like this; null when it grows, or is not known yet.',
        ),
    })
    .meta({ id: 'PartitionLag' }),
);

const bytesSchema = z
  .strictObject({ encoding: z.enum(['utf8', 'base64']), text: z.string() })
  .meta({ id: 'Bytes', description: 'Bytes as text when they are UTF-8, otherwise in base64.' });

const deadLetterFields = {
  id: jsonId,
  service: serviceSchema,
  step: z.string(),
  topic: z.string(),
  partition: count,
  offset: z.string(),
  key: bytesSchema.nullable(),
  eventId: z.string().nullable(),
  reason: z.string().describe(`Why it was parked: ${REASONS.join(', ')}.`),
  error: z.string(),
  parkedAt: timeOut,
  closedAt: timeOut.nullable(),
  outcome: z.enum(['REPLAYED', 'NO_EFFECT', 'DISCARDED']).nullable(),
  closedBy: z.string().nullable().describe('The id of the operator who closed it.'),
  note: z.string().nullable(),
};

export const deadLetterLineSchema = z.strictObject(deadLetterFields).meta({ id: 'DeadLetter' });
export type DeadLetterShape = z.input<typeof deadLetterLineSchema>;
export const deadLettersSchema = listOf(deadLetterLineSchema);

export const deadLetterSchema = z
  .strictObject({
    ...deadLetterFields,
    headers: z.array(z.strictObject({ name: z.string(), value: bytesSchema })),
    value: bytesSchema.nullable(),
  })
  .meta({ id: 'DeadLetterMessage' });

/** The query of the list; `place` is what its cursor holds. */
export function deadLettersQuery<Place extends z.ZodType>(place: Place) {
  return z.strictObject({
    ...listQueryBy(place),
    service: serviceSchema.optional(),
    topic: nameSchema.optional(),
    step: nameSchema.optional(),
    reason: reasonSchema.optional(),
    includeClosed: z
      .enum(['true', 'false'])
      .default('false')
      .transform((text) => text === 'true'),
  });
}

/** Dead letters of one request: bounds its time, also for a filter that matches more. */
export const CHOSEN_MAX = 1_000;

const choice = {
  service: serviceSchema,
  ids: z.array(jsonId).min(1).max(CHOSEN_MAX).optional().describe('These; or `filter`, never both.'),
  filter: z
    .strictObject({
      step: nameSchema.optional(),
      topic: nameSchema.optional(),
      reason: reasonSchema.optional(),
    })
    .refine((filter) => Object.keys(filter).length > 0, 'needs at least one of step, topic, reason')
    .meta({ minProperties: 1 })
    .optional()
    .describe('All open ones that match, oldest first; at least one condition.'),
  after: jsonId.optional().describe('Goes on after this id: `nextAfter` of the answer before.'),
  dryRun: z.boolean().default(false).describe('Says what would happen and changes nothing.'),
  reason: textOf(200, 1).describe(
    'Why this is done: kept with each dead letter and in the record of actions.',
  ),
};

const oneOf = { message: 'name either ids or a filter', path: ['ids'] };
/** The same in JSON Schema. */
const oneOfShown = { oneOf: [{ required: ['ids'] }, { required: ['filter'] }] };
const chosenExample = { service: 'order', ids: [1], dryRun: true };

export const discardRequest = z
  .strictObject(choice)
  .refine(({ ids, filter }) => (ids === undefined) !== (filter === undefined), oneOf)
  .meta({ ...oneOfShown, examples: [{ ...chosenExample, reason: 'a test message' }] });

export const replayRequest = z
  .strictObject({
    ...choice,
    ratePerSecond: z
      .int()
      .min(1)
      .max(1_000)
      .optional()
      .describe('At most so many a second; no bound when absent.'),
  })
  .refine(({ ids, filter }) => (ids === undefined) !== (filter === undefined), oneOf)
  .meta({ ...oneOfShown, examples: [{ ...chosenExample, reason: 'fixed in 1.4.2' }] });

const progress = {
  service: serviceSchema,
  dryRun: z.boolean(),
  matched: count.describe('Open dead letters that the request names or matches.'),
  remaining: count.describe('How many of them this answer does not cover.'),
  nextAfter: jsonId.nullable().describe('Send it as `after` to go on; null when nothing remains.'),
};

const refusals = z
  .array(
    z.strictObject({
      id: jsonId,
      code: z
        .string()
        .describe('DEAD_LETTER_NOT_FOUND, TOO_OLD, STEP_NOT_FOUND or the reason it was parked for.'),
      why: z.string(),
    }),
  )
  .describe('What stays as it is, and why.');

export const discardAnswer = z
  .strictObject({ ...progress, discarded: count, refused: refusals })
  .meta({ id: 'Discarded' });

export const replayAnswer = z
  .strictObject({
    ...progress,
    replayed: count.describe('Had an effect.'),
    noEffect: count.describe('The order was over, or had been handled meanwhile.'),
    refused: refusals,
  })
  .meta({ id: 'Replayed' });

/** A step's name in a path: `coupon.apply`. */
export const stepName = z
  .string()
  .regex(/^[a-z-]+\.[a-z-]+$/)
  .max(60)
  .meta({ examples: ['coupon.apply'] });

export const resumeAnswer = z.strictObject({ step: z.string() });

const exampleSchema = z.strictObject({ subject: z.string(), row: z.record(z.string(), z.unknown()) });

const invariantSchema = z.strictObject({
  id: z.string().describe('I1, I2 …: several lines may share one.'),
  promise: z.string(),
  checked: count,
  unit: z.string(),
  violations: count,
  examples: z.array(exampleSchema).describe('Ten of them at most.'),
});

export const serviceBooksSchema = z
  .strictObject({
    service: serviceSchema,
    invariants: z.array(invariantSchema),
    totals: z.array(z.strictObject({ name: z.string(), amount: amountOut })),
    unpublishedRows: count,
    openOrders: count.nullable().describe('Neither PAID nor CANCELLED; null for a service without orders.'),
    lastEventId: count
      .nullable()
      .describe('While it stands still no order moves; null for a service without orders.'),
  })
  .meta({ id: 'ServiceBooks' });
export type ServiceBooks = z.input<typeof serviceBooksSchema>;

export const reconciliationSchema = z
  .strictObject({
    ok: z.boolean().describe('No violation in what was checked. Totals count at rest only.'),
    atRest: z.boolean().describe('No open order and nothing unpublished: only then must the totals agree.'),
    totalsAgree: z.boolean().nullable().describe('I7: all totals are one sum; null when one is missing.'),
    services: z.array(serviceBooksSchema),
    unavailable,
  })
  .meta({ id: 'Reconciliation' });
export type Reconciliation = z.input<typeof reconciliationSchema>;
