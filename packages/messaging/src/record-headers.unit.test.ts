import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RecordHeaders } from './record-headers.ts';
import { Writer } from './record-writer.ts';

const value = fc.constantFrom('1.0', 'application/json', null, '');
const headers = fc.dictionary(
  fc.constantFrom('a', 'b', 'c', 'd'),
  fc.oneof(value, fc.array(value, { maxLength: 2 })),
);

/** One after the other into one buffer, each by itself or as one batch. */
function written(records: readonly Parameters<RecordHeaders['take']>[0][], together: boolean): string {
  const out = new Writer();
  let batch = new RecordHeaders();
  for (const record of records) {
    if (!together) batch = new RecordHeaders();
    out.reserve(batch.take(record));
    batch.write(out);
  }
  return out.buffer.toString('hex');
}

it('writes headers that repeat those of the record before as if each record stood alone', () => {
  fc.assert(
    fc.property(fc.array(headers, { maxLength: 12 }), (records) => {
      expect(written(records, true)).toBe(written(records, false));
    }),
    { numRuns: 2_000 },
  );
});
