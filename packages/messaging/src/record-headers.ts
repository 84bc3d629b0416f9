import { sizeOfBytes, sizeOfVarInt, type Writer } from './record-writer.ts';

export type HeaderValue = Buffer | string | null | undefined;

type Given = Readonly<Record<string, HeaderValue | readonly HeaderValue[]>> | undefined;

interface Header {
  name: string;
  value: Buffer | string | null;
  /** Bytes it takes in the buffer. */
  size: number;
  /** Where it stands in the buffer. */
  place: number;
}

/**
 * The headers of one batch's records, one record after the other. Most are those of the record before (source, type,
 * schema, time): these are copied from it, neighbours at once, instead of being encoded again.
 */
export class RecordHeaders {
  #before: Header[] = [];
  #now: Header[] = [];

  /** Takes the headers of the next record. @returns the bytes that `write` will need */
  take(given: Given): number {
    const before = this.#now;
    const now = this.#before;
    now.length = 0;
    let size = 0;
    for (const name of given === undefined ? [] : Object.keys(given)) {
      const value = given?.[name];
      for (const one of Array.isArray(value) ? (value as HeaderValue[]) : [value as HeaderValue]) {
        const header = headerAfter(before[now.length], name, one ?? null);
        now.push(header);
        size += header.size;
      }
    }
    this.#before = before;
    this.#now = now;
    return sizeOfVarInt(now.length) + size;
  }

  write(out: Writer): void {
    const now = this.#now;
    out.varInt(now.length);
    for (let at = 0; at < now.length;) {
      const from = at;
      let bytes = 0;
      // A header that is repeated is the very object of the record before.
      for (; at < now.length && now[at] === this.#before[at]; at += 1) bytes += now[at]?.size ?? 0;
      if (bytes > 0) repeat(out, now, from, at, bytes);
      const header = now[at];
      if (header === undefined) return;
      header.place = out.offset;
      out.bytes(header.name);
      out.bytes(header.value);
      at += 1;
    }
  }
}

function headerAfter(before: Header | undefined, name: string, value: Header['value']): Header {
  if (before !== undefined && before.name === name && before.value === value) return before;
  return { name, value, size: sizeOfBytes(name) + sizeOfBytes(value), place: 0 };
}

/** In the record before these stand side by side, too. */
function repeat(out: Writer, headers: readonly Header[], from: number, to: number, bytes: number): void {
  const place = headers[from]?.place ?? 0;
  const moved = out.offset - place;
  out.repeat(place, bytes);
  for (let at = from; at < to; at += 1) {
    const header = headers[at];
    if (header) header.place += moved;
  }
}
