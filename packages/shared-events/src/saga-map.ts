import { TOPICS } from './catalog.ts';

/** Who is told, and by which topics; the topics of an arrow are in the order of the saga. */
interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly topics: string[];
}

const ANYONE = 'anyone';

/**
 * The saga as a mermaid flowchart: an arrow from each publisher to each service that reads it, labelled with the
 * topics. Made from the catalog, so that a picture of it cannot be out of date unnoticed.
 */
export function sagaMap(): string {
  const arrows = listArrows();
  const services = new Set(arrows.flatMap(({ from, to }) => [from, to]));
  return [
    'flowchart LR',
    ...[...services].map((name) =>
      name === ANYONE ? `  ${ANYONE}([${ANYONE}])` : `  ${nodeId(name)}[${name}]`,
    ),
    ...arrows.map(
      ({ from, to, topics }) => `  ${nodeId(from)} -- "${topics.join('<br/>')}" --> ${nodeId(to)}`,
    ),
    '',
  ].join('\n');
}

function listArrows(): Arrow[] {
  const arrows = new Map<string, Arrow>();
  for (const { name, publisher, consumers, open } of TOPICS) {
    const readers = new Set(consumers.map(serviceOf));
    if (open) readers.add(ANYONE);
    for (const to of readers) {
      const id = `${publisher} ${to}`;
      const arrow = arrows.get(id) ?? { from: publisher, to, topics: [] };
      arrow.topics.push(name);
      arrows.set(id, arrow);
    }
  }
  return [...arrows.values()];
}

/** `coupon.apply` is a step of coupon. */
function serviceOf(step: string): string {
  return step.slice(0, step.indexOf('.'));
}

/** A dash in a node's id reads as the start of an arrow. */
function nodeId(service: string): string {
  return service.replaceAll('-', '_');
}
