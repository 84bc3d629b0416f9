/** Names of headers seen at each position: the messages of a topic repeat them, so the text is made once. */
const seenNames: { readonly bytes: Buffer; readonly text: string }[] = [];
const SEEN_POSITIONS = 16;

/** Reads Kafka's types from one buffer, moving on as it goes: big-endian numbers, zigzag varints. */
export class Reader {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  left(): number {
    return this.bytes.length - this.at;
  }

  int8(): number {
    return this.bytes.readInt8(this.at++);
  }

  int16(): number {
    const value = this.bytes.readInt16BE(this.at);
    this.at += 2;
    return value;
  }

  int32(): number {
    const value = this.bytes.readInt32BE(this.at);
    this.at += 4;
    return value;
  }

  int64(): bigint {
    const value = this.bytes.readBigInt64BE(this.at);
    this.at += 8;
    return value;
  }

  int64Text(): string {
    return this.int64().toString();
  }

  string16(): string | null {
    const length = this.int16();
    return length < 0 ? null : this.text(length);
  }

  text(length: number): string {
    const start = this.at;
    this.at += length;
    return this.bytes.toString('utf8', start, this.at);
  }

  varInt(): number {
    let byte = this.bytes[this.at++] as number;
    let raw = byte & 127;
    for (let shift = 7; byte > 127; shift += 7) {
      byte = this.bytes[this.at++] as number;
      raw |= (byte & 127) << shift;
    }
    return (raw >>> 1) ^ -(raw & 1);
  }

  /** Exact up to 2^53: milliseconds between two messages of a batch. */
  varLong(): number {
    let byte = this.bytes[this.at++] as number;
    if (byte < 128) return (byte >>> 1) ^ -(byte & 1);
    let raw = BigInt(byte & 127);
    for (let shift = 7n; byte > 127; shift += 7n) {
      byte = this.bytes[this.at++] as number;
      raw |= BigInt(byte & 127) << shift;
    }
    return Number(BigInt.asIntN(64, (raw >> 1n) ^ -(raw & 1n)));
  }

  varBytes(): Buffer | null {
    const length = this.varInt();
    if (length < 0) return null;
    const start = this.at;
    this.at += length;
    return this.bytes.subarray(start, this.at);
  }

  /** As `varBytes`, and `before` itself where that holds the same: of ten headers six are those of the record before. */
  varBytesAfter(before: Buffer | null | undefined): Buffer | null {
    const length = this.varInt();
    if (length < 0) return null;
    const same = before?.length === length && this.startsWith(before);
    const start = this.at;
    this.at += length;
    return same ? before : this.bytes.subarray(start, this.at);
  }

  headerName(position: number): string {
    const length = this.varInt();
    const seen = seenNames[position];
    if (seen?.bytes.length === length && this.startsWith(seen.bytes)) {
      this.at += length;
      return seen.text;
    }
    const start = this.at;
    const text = this.text(length);
    if (position < SEEN_POSITIONS)
      seenNames[position] = { bytes: Buffer.from(this.bytes.subarray(start, this.at)), text };
    return text;
  }

  private startsWith(other: Buffer): boolean {
    for (let i = 0; i < other.length; i++) if (this.bytes[this.at + i] !== other[i]) return false;
    return true;
  }
}
