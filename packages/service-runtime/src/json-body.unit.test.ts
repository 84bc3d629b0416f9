import { describe, expect, it } from '@jest/globals';
import { parseJsonBody } from './json-body.ts';

const refusal = (body: string | Buffer): string => {
  try {
    parseJsonBody(Buffer.from(body as string));
    return 'accepted';
  } catch (error) {
    return error instanceof Error ? error.message : 'not an error';
  }
};

describe('a JSON body', () => {
  it.each([
    ['nothing', '', 'the body is empty'],
    ['half of it', '{"a":', 'not valid JSON'],
    ['a comma too much', '{"a":1,}', 'not valid JSON'],
    ['two values', '{} {}', 'not valid JSON'],
    ['NaN', '{"a":NaN}', 'not valid JSON'],
    ['a string without end', '{"a":"b\\"}', 'not valid JSON'],
    ['a raw NUL', '{"a":"\0"}', 'not valid JSON'],
    ['a byte order mark', '\ufeff{}', 'byte order mark'],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'not valid UTF-8'],
    ['UTF-8 surrogates', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'not valid UTF-8'],
    ['UTF-16', Buffer.from('{"a":1}', 'utf16le'), 'not valid JSON'],
    ['the same key twice', '{"a":1,"b":{"a":2},"a":3}', 'twice'],
    ['the same key twice, once escaped', '{"a":1,"\\u0061":2}', 'twice'],
    ['the same key twice in a list', '[{"a":1},{"a":1,"a":1}]', 'twice'],
    ['__proto__', '{"a":{"__proto__":{"admin":true}}}', '__proto__'],
    ['__proto__ escaped', '{"__pro\\u0074o__":1}', '__proto__'],
    ['an escaped NUL', '{"a":"x\\u0000"}', 'NUL'],
    ['half of a surrogate pair', '{"a":"\\ud83d"}', 'surrogate'],
    ['a pair in the wrong order', '{"a":["\\udc4d\\ud83d"]}', 'surrogate'],
    ['half of a pair in a key', '{"\\ud83d":1}', 'surrogate'],
    ['21 levels', '['.repeat(21) + ']'.repeat(21), 'deeper than 20'],
    ['ten thousand levels', '{"a":'.repeat(10_000), 'deeper than 20'],
  ])('is refused when it holds %s', (_what, body, message) => {
    expect(refusal(body)).toContain(message);
  });

  it.each([
    ['{"a":"b\\\\","c":"\\"d\\""}', { a: 'b\\', c: '"d"' }],
    ['{"a":{"a":1},"b":[{"a":1},{"a":2}]}', { a: { a: 1 }, b: [{ a: 1 }, { a: 2 }] }],
    ['{"a":"a","b" : "a"}', { a: 'a', b: 'a' }],
    ['{"a":"\\ud83d\\udc4d {[}]"}', { a: '👍 {[}]' }],
    ['"text"', 'text'],
    ['null', null],
  ])('is read when it is fine: %s', (body, value) => {
    expect(parseJsonBody(Buffer.from(body))).toEqual(value);
  });

  it('may have 20 levels, and any number of neighbours on each', () => {
    expect(refusal(`[${'[],{},'.repeat(100)}1]`)).toBe('accepted');
    expect(refusal('['.repeat(20) + ']'.repeat(20))).toBe('accepted');
  });
});
