/** Text and attribute values of SVG. */
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

const escaped = (text: string) => text.replace(/[&<>"]/g, (sign) => ENTITIES[sign] ?? sign);

type Attributes = Readonly<Record<string, string | number>>;

/** One element; numbers are written to a tenth of a pixel. `content` is text, not markup. */
export function element(name: string, attributes: Attributes, content = ''): string {
  const words = Object.entries(attributes).map(([key, value]) => {
    const text = typeof value === 'number' ? String(Math.round(value * 10) / 10) : escaped(value);
    return ` ${key}="${text}"`;
  });
  return `<${name}${words.join('')}>${escaped(content)}</${name}>`;
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export const rectangle = (box: Box, fill: string): string => element('rect', { ...box, fill });

export function line(x1: number, y1: number, x2: number, y2: number, stroke: string): string {
  return element('line', { x1, y1, x2, y2, stroke });
}

export type Anchor = 'start' | 'middle' | 'end';

/** Text whose middle height is `y`. */
export function label(x: number, y: number, text: string, anchor: Anchor = 'start'): string {
  return element('text', { x, y, 'text-anchor': anchor, 'dominant-baseline': 'central' }, text);
}
