const DELIVER = {
  file: 'packages/messaging/src/deliver.ts',
  suites: ['packages/messaging/src/deliver.int.test.ts'],
};
const RELAY = {
  file: 'packages/messaging/src/relay.ts',
  suites: ['packages/messaging/src/relay.int.test.ts'],
};
const LETTERS = {
  file: 'packages/messaging/src/dead-letters.ts',
  suites: ['packages/messaging/src/dead-letters.int.test.ts'],
};
const CONSUMER = {
  file: 'packages/messaging/src/step-consumer.ts',
  suites: ['packages/messaging/src/step-consumer.int.test.ts'],
};
const RUNNER = {
  file: 'packages/messaging/src/batch-runner.ts',
  suites: ['packages/messaging/src/batch-runner.int.test.ts'],
};
const KEYS = {
  file: 'packages/service-runtime/src/idempotency.ts',
  suites: ['packages/service-runtime/src/idempotency.int.test.ts'],
};

/**
 * What the steps' kit and the idempotency keys promise to every service.
 * @type {readonly import('../guards.mjs').Guard[]}
 */
export const KIT = [
  {
    ...DELIVER,
    name: 'kit.outbox-row',
    promise: 'what a step says is committed with what it did',
    text: 'messages.length > 0 ? outbox.append(tx, messages) : undefined',
    replacement: 'undefined',
  },
  {
    ...DELIVER,
    name: 'kit.outbox-row-of-a-request',
    promise: 'what a request or a sweeper says is committed with what it did',
    file: 'packages/messaging/src/outbox.ts',
    text: 'messages.length > 0 ? outbox.append(tx, messages) : undefined',
    replacement: 'undefined',
    suites: ['packages/messaging/src/kit.int.test.ts'],
  },
  {
    ...DELIVER,
    name: 'kit.batch-folds',
    promise: 'the next event of a batch sees what the last one took',
    text: 'state = step.evolve(state, fact);',
    replacement: '',
  },
  {
    ...DELIVER,
    name: 'kit.failed-statement',
    promise: 'a transaction with a failed statement is not taken for committed',
    file: 'packages/messaging/src/postgres.ts',
    text: 'if (pipeline.failure !== null) throw pipeline.failure.error;',
    replacement: '',
    suites: ['packages/messaging/src/postgres.int.test.ts', 'packages/messaging/src/pipeline.int.test.ts'],
  },
  {
    ...RELAY,
    name: 'relay.delete-after-ack',
    promise: 'a row handed over in memory stays until the broker has acknowledged it',
    text: "if (await this.#send(rows, 'memory')) {",
    replacement: "void this.#send(rows, 'memory');\n    if (rows.length > 0) {",
  },
  {
    ...RELAY,
    name: 'relay.delete-after-ack-poll',
    promise: 'a row that was claimed stays until the broker has acknowledged it',
    text: "if (!(await this.#send(rows, 'poll'))) return false;",
    replacement: "await this.#send(rows, 'poll');",
  },
  {
    ...RELAY,
    name: 'relay.all-replicas',
    promise: 'a send counts when all replicas have it',
    text: 'acks: -1,',
    replacement: 'acks: 1,',
  },
  {
    ...RELAY,
    name: 'relay.poll',
    promise: 'rows that nobody holds are sent by the poll',
    text: 'const more = await this.#poll();',
    replacement: 'const more = false;',
    test: 'sends rows that nobody handed over, once they are a second old',
  },
  {
    ...RELAY,
    name: 'relay.held-rows',
    promise: 'the poll leaves alone what memory holds',
    text: 'outbox.claim(tx, [...this.#held], CLAIM_LIMIT)',
    replacement: 'outbox.claim(tx, [], CLAIM_LIMIT)',
  },
  {
    ...RELAY,
    name: 'relay.one-relay',
    promise: 'a row is given to one relay at a time',
    file: 'packages/messaging/src/outbox.ts',
    text: 'ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED`',
    replacement: 'ORDER BY id LIMIT $2`',
  },
  {
    ...CONSUMER,
    name: 'consumer.resolve-after-commit',
    promise: 'no offset is committed whose effect is not',
    text: 'const done = await this.#runner.run(chunk, { heartbeat });',
    replacement: `this.#resolveOffsets(batches, chunk);
      const done = await this.#runner.run(chunk, { heartbeat });`,
    test: 'commits no offset while its transaction fails',
  },
  {
    ...RUNNER,
    name: 'runner.lost-race',
    promise: 'a lost race for a fence runs the batch again and parks nothing (R1)',
    file: 'packages/messaging/src/faults.ts',
    text: "if (error.code === '23505' && fences.includes(error.constraint ?? '')) return { kind: 'lost-race' };",
    replacement: '',
  },
  {
    ...RUNNER,
    name: 'runner.races-never-parked',
    promise: 'races without end back off, and never park a healthy message (R1)',
    text: "if (kind === 'retry' || kind === 'lost-race') {",
    replacement: "if (kind === 'retry') {",
  },
  {
    ...RUNNER,
    name: 'runner.isolates',
    promise: 'one faulty message takes no other with it',
    text: 'if (only && batch.length === 1) {',
    replacement: 'if (only) {',
  },
  {
    ...LETTERS,
    name: 'letters.once',
    promise: 'a message that comes again is parked once (R9)',
    text: `
     ON CONFLICT (step, topic, partition, "offset") DO NOTHING\``,
    replacement: '`',
  },
  {
    ...LETTERS,
    name: 'letters.open-kept',
    promise: 'an open dead letter is never deleted',
    text: 'WHERE closed_at < now() - make_interval(days => $1)',
    replacement: 'WHERE parked_at < now() - make_interval(days => $1)',
    suites: ['services/coupon/src/sweepers/retention.int.test.ts'],
  },
  {
    ...LETTERS,
    name: 'letters.replayed-once',
    promise: 'two operators replay a dead letter once (R9)',
    file: 'packages/messaging/src/replay.ts',
    text: 'AND closed_at IS NULL FOR UPDATE`',
    replacement: 'AND closed_at IS NULL`',
  },
  {
    ...LETTERS,
    name: 'letters.too-old',
    promise: 'nothing is replayed whose tombstone may be gone (R10)',
    file: 'packages/messaging/src/replay.ts',
    text: "if (letter.tooOld) return { refused: 'TOO_OLD', why: `parked more than ${REPLAY_DAYS} days ago` };",
    replacement: '',
  },
  {
    ...KEYS,
    name: 'keys.claimed-once',
    promise: 'a key has one effect',
    text: 'const claimed = await insertNew(tx, distinct);',
    replacement: 'const claimed = new Set(distinct.map(identity));',
  },
  {
    ...KEYS,
    name: 'keys.looked-up',
    promise: 'a key that is there is answered from it, also after a COMMIT whose answer was lost',
    text: 'taken.length === 0 ? new Map<string, StoredKey>() : await readStored(tx, taken)',
    replacement: 'new Map<string, StoredKey>()',
  },
  {
    ...KEYS,
    name: 'keys.same-body',
    promise: 'a key with another body is refused',
    text: "if (known.fingerprint !== claim.fingerprint) return { kind: 'reused' };",
    replacement: '',
  },
  {
    ...KEYS,
    name: 'keys.same-body-of-a-batch',
    promise: 'a key with another body is refused within one batch as well',
    text: `return claims[first]?.fingerprint === claim.fingerprint
        ? { kind: 'follows', index: first }
        : { kind: 'reused' };`,
    replacement: "return { kind: 'follows', index: first };",
  },
  {
    ...KEYS,
    name: 'keys.in-order',
    promise: 'batches with the same keys do not wait in a circle',
    text: '  ORDER BY 1, 2, 3\n',
    replacement: '',
  },
  {
    ...KEYS,
    name: 'keys.given-back',
    promise: 'a refused request does not burn its key',
    file: 'services/user-balance/src/http/top-up-balance.ts',
    text: `await releaseKeys(
    tx,
    [...answers.keys()].map(({ claim }) => claim),
  );`,
    replacement: '',
    suites: ['services/user-balance/src/http/balance.int.test.ts'],
  },
  {
    ...KEYS,
    name: 'retention.done-fences',
    promise: 'a done fence is never deleted (R10)',
    file: 'packages/service-runtime/src/retention.ts',
    text: "WHERE status <> 'done' AND updated_at <",
    replacement: 'WHERE updated_at <',
    suites: ['services/payment/src/sweepers/retention.int.test.ts'],
  },
  {
    ...KEYS,
    name: 'retention.counted-sales',
    promise: 'a counted sale is never deleted: a refund subtracts it (R10)',
    file: 'services/product/src/store/retention.ts',
    text: "WHERE state = 'VOID' AND updated_at <",
    replacement: 'WHERE updated_at <',
    suites: ['services/product/src/sweepers/retention.int.test.ts'],
  },
];
