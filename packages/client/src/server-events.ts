/** One event of a `text/event-stream`, as the HTML standard dispatches it. */
export interface ServerEvent {
  /** The last id the stream has named, this event's or an earlier one's; '' before the first. */
  readonly id: string;
  /** `message` when the stream names none. */
  readonly event: string;
  readonly data: string;
}

/** Reads a `text/event-stream` piece by piece, whatever the pieces are. */
export interface EventParser {
  /**
   * Takes the next bytes and returns the events they complete. What the stream's end cuts off is no event.
   *
   * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
   */
  push(bytes: Uint8Array): ServerEvent[];
  /** The wait before a reconnect that the stream asked for with `retry:`, in milliseconds; null when it did not. */
  reconnectMs(): number | null;
}

/** `field: value`; a line without a colon is a field with an empty value. */
function splitField(line: string): readonly [field: string, value: string] {
  const colon = line.indexOf(':');
  if (colon === -1) return [line, ''];
  const value = line.slice(colon + 1);
  return [line.slice(0, colon), value.startsWith(' ') ? value.slice(1) : value];
}

/**
 * Cuts text into lines that end with CR, LF or CRLF. A CR that is the last character of a piece ends its line at once;
 * the LF that may open the next piece belongs to it.
 */
function createLineCutter(): (text: string) => string[] {
  let rest = '';
  let afterCr = false;
  return (text) => {
    if (text === '') return [];
    const fresh = afterCr && text.startsWith('\n') ? text.slice(1) : text;
    afterCr = text.endsWith('\r');
    const lines = (rest + fresh).split(/\r\n|\r|\n/);
    rest = lines.pop() ?? '';
    return lines;
  };
}

export function createEventParser(): EventParser {
  // It keeps half a character until its other bytes come, and drops a byte order mark at the start.
  const decoder = new TextDecoder();
  const cut = createLineCutter();
  let lastId = '';
  let reconnectMs: number | null = null;
  let event = '';
  let data: string[] = [];

  const takeField = (field: string, value: string) => {
    if (field === 'data') data.push(value);
    else if (field === 'event') event = value;
    else if (field === 'id' && !value.includes('\0')) lastId = value;
    else if (field === 'retry' && /^\d+$/.test(value)) reconnectMs = Number(value);
  };
  const dispatch = (): ServerEvent | null => {
    const complete =
      data.length === 0 ? null : { id: lastId, event: event || 'message', data: data.join('\n') };
    event = '';
    data = [];
    return complete;
  };
  return {
    push(bytes) {
      const events: ServerEvent[] = [];
      for (const line of cut(decoder.decode(bytes, { stream: true }))) {
        if (line === '') {
          const complete = dispatch();
          if (complete !== null) events.push(complete);
        } else {
          // A comment is a line whose field has no name, and is taken for nothing as other unknown fields are.
          takeField(...splitField(line));
        }
      }
      return events;
    },
    reconnectMs: () => reconnectMs,
  };
}
