import { isUtf8 } from 'node:buffer';
import { problem } from './problem.ts';

/** Deeper bodies are refused; the deepest legal one has 3 levels. */
const depthMax = 20;

/**
 * Parses a request body by the conventions of the API: UTF-8 without BOM, no duplicate keys, no `__proto__`, no NUL,
 * no lone surrogates, at most 20 levels. Nothing is repaired.
 * @throws Problem MALFORMED_JSON saying which of these it breaks
 */
export function parseJsonBody(bytes: Buffer): unknown {
  if (bytes.length === 0) throw malformed('the body is empty');
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf)
    throw malformed('the body starts with a byte order mark');
  if (!isUtf8(bytes)) throw malformed('the body is not valid UTF-8');
  const text = bytes.toString('utf8');
  checkDepth(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed('the body is not valid JSON');
  }
  checkStrings(text);
  return value;
}

function malformed(detail: string): Error {
  return problem('MALFORMED_JSON', { detail });
}

const quote = 34;
const backslash = 92;
const openBrace = 123;
const closeBrace = 125;
const openBracket = 91;
const closeBracket = 93;
const colon = 58;

/** Returns the index after the string that starts at `start`, or the text's length when it does not end. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === backslash) slashes += 1;
    if (slashes % 2 === 0) return end + 1;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}

/** Before JSON.parse, so that a body of ten thousand brackets costs nothing. */
function checkDepth(text: string): void {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === quote) at = endOfString(text, at) - 1;
    else if (char === openBrace || char === openBracket) {
      depth += 1;
      if (depth > depthMax) throw malformed(`the body is nested deeper than ${depthMax} levels`);
    } else if (char === closeBrace || char === closeBracket) depth -= 1;
  }
}

/** Walks text known to be valid JSON: keys must be unique in their object, every string storable. */
function checkStrings(text: string): void {
  const open: (Set<string> | null)[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === openBrace) open.push(new Set());
    else if (char === openBracket) open.push(null);
    else if (char === closeBrace || char === closeBracket) open.pop();
    else if (char === quote) {
      const end = endOfString(text, at);
      const value = stringAt(text, at, end);
      const keys = open.at(-1);
      if (keys && isKey(text, end)) {
        if (value === '__proto__') throw malformed('the key __proto__ is not allowed');
        if (keys.has(value)) throw malformed('a key stands twice in one object');
        keys.add(value);
      }
      at = end - 1;
    }
  }
}

function isKey(text: string, afterString: number): boolean {
  let at = afterString;
  while (at < text.length && text.charCodeAt(at) <= 32) at += 1;
  return text.charCodeAt(at) === colon;
}

/** Only an escape can bring NUL or half a surrogate pair into valid UTF-8 JSON, so plain strings are not searched. */
function stringAt(text: string, start: number, end: number): string {
  const plain = text.slice(start + 1, end - 1);
  if (!plain.includes('\\')) return plain;
  const value = String(JSON.parse(text.slice(start, end)));
  if (value.includes('\0')) throw malformed('a string holds the character NUL');
  if (/\p{Surrogate}/u.test(value)) throw malformed('a string holds half of a surrogate pair');
  return value;
}
