import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createEventParser, type ServerEvent } from './server-events.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);

function parse(...pieces: ReadonlyArray<string | Uint8Array>): ServerEvent[] {
  const parser = createEventParser();
  return pieces.flatMap((piece) => parser.push(typeof piece === 'string' ? bytesOf(piece) : piece));
}

/** The bytes in pieces of the given lengths, as a network might cut them; the last piece has the rest. */
function cutAt(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const length of lengths) {
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return [...pieces, bytes.subarray(at)];
}

describe('the reader of a text/event-stream', () => {
  it('gives id, event and data', () => {
    expect(parse('id: 7\nevent: status\ndata: {"id":1}\n\n')).toEqual([
      { id: '7', event: 'status', data: '{"id":1}' },
    ]);
  });

  it('calls an event without a name a message and keeps the last id', () => {
    expect(parse('id: 7\ndata: a\n\ndata: b\n\n')).toEqual([
      { id: '7', event: 'message', data: 'a' },
      { id: '7', event: 'message', data: 'b' },
    ]);
  });

  it('joins lines of data, and takes one blank after the colon away', () => {
    expect(parse('data: a\ndata:b\ndata:  c\ndata\n\n')).toEqual([
      { id: '', event: 'message', data: 'a\nb\n c\n' },
    ]);
  });

  it('takes comments and unknown fields for nothing, and an event without data, too', () => {
    expect(parse(': alive\n\nevent: status\n\nmood: good\ndata: a\n\n')).toEqual([
      { id: '', event: 'message', data: 'a' },
    ]);
  });

  it('ignores an id with a NUL', () => {
    expect(parse('id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n').map(({ id }) => id)).toEqual(['1', '1']);
  });

  it('reads the wait that a stream asks for, if it is a number', () => {
    const parser = createEventParser();
    expect(parser.reconnectMs()).toBeNull();
    parser.push(bytesOf('retry: 250\nretry: soon\n\n'));
    expect(parser.reconnectMs()).toBe(250);
  });

  it('gives no event that the end of the stream cuts off', () => {
    expect(parse('data: a\n\ndata: b\n')).toHaveLength(1);
  });

  it('drops a byte order mark at the start, whole or cut', () => {
    const bytes = bytesOf('\ufeffdata: a\n\n');
    expect(parse(bytes)).toEqual([{ id: '', event: 'message', data: 'a' }]);
    expect(parse(...cutAt(bytes, [1, 1]))).toEqual(parse(bytes));
  });

  it.each(['\n', '\r', '\r\n'])('takes %j as the end of a line, with the piece ending anywhere', (end) => {
    const bytes = bytesOf(['id: 1', 'data: a', '', 'data: b', '', ''].join(end));
    const whole = parse(bytes);
    expect(whole.map(({ data }) => data)).toEqual(['a', 'b']);
    for (let at = 0; at <= bytes.length; at += 1) expect(parse(...cutAt(bytes, [at]))).toEqual(whole);
  });

  it('gives the same events however the bytes are cut, half characters included', () => {
    const text = fc.stringMatching(/^[a-z é→😀:]{0,8}$/u);
    const end = fc.constantFrom('\n', '\r', '\r\n');
    const line = fc
      .tuple(fc.constantFrom('data: ', 'data:', 'id: ', 'event: ', ': ', 'retry: 5', ''), text, end)
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 30 }),
        fc.array(fc.nat({ max: 9 }), { maxLength: 60 }),
        (lines, lengths) => {
          const bytes = bytesOf(lines.join(''));
          expect(parse(...cutAt(bytes, lengths))).toEqual(parse(bytes));
        },
      ),
      { numRuns: 500 },
    );
  });
});
