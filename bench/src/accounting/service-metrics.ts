/** Batches of one step in a measured run. */
export interface StepBatches {
  readonly batches: number;
  readonly messages: number;
  /** How many batches had so many messages; the key is the power of two that they reach: `64` is 64 to 127. */
  readonly sizes: Readonly<Record<string, number>>;
}

/** What the services themselves have counted. */
export interface ServiceCounters {
  /** By client (a step, or relay) and api (Fetch, Produce …): `relay Produce`. */
  readonly kafkaRequests: ReadonlyMap<string, number>;
  readonly steps: ReadonlyMap<string, StepBatches>;
}

/** One line of Prometheus' text form: `name{label="value"} 12`. */
const SAMPLE = /^(\w+)\{([^}]*)\} (\S+)$/;

function labelsOf(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
  );
}

/** Adds up what the processes at these addresses tell. @throws Error when one does not answer */
export async function readServiceCounters(urls: readonly string[]): Promise<ServiceCounters> {
  const texts = await Promise.all(
    urls.map(async (url) => (await fetch(url, { signal: AbortSignal.timeout(5_000) })).text()),
  );
  const kafkaRequests = new Map<string, number>();
  const steps = new Map<string, { batches: number; messages: number; sizes: Record<string, number> }>();
  const stepOf = (name: string) => {
    const known = steps.get(name) ?? { batches: 0, messages: 0, sizes: {} };
    steps.set(name, known);
    return known;
  };
  for (const line of texts.flatMap((text) => text.split('\n'))) {
    const [, name, labelText = '', value] = SAMPLE.exec(line) ?? [];
    const labels = labelsOf(labelText);
    const count = Number(value);
    if (name === 'kafka_requests_total') {
      const key = `${labels['client']} ${labels['api']}`;
      kafkaRequests.set(key, (kafkaRequests.get(key) ?? 0) + count);
    } else if (name === 'step_messages_total') stepOf(labels['step'] ?? '').messages += count;
    else if (name === 'step_batches_total') {
      const step = stepOf(labels['step'] ?? '');
      const size = labels['size'] ?? '';
      step.batches += count;
      step.sizes[size] = (step.sizes[size] ?? 0) + count;
    }
  }
  return { kafkaRequests, steps };
}

/** What came between two readings. */
export function countersBetween(before: ServiceCounters, after: ServiceCounters): ServiceCounters {
  const kafkaRequests = [...after.kafkaRequests].map(
    ([key, count]) => [key, count - (before.kafkaRequests.get(key) ?? 0)] as const,
  );
  const steps = [...after.steps].map(([name, now]) => {
    const then = before.steps.get(name);
    const sizes = Object.entries(now.sizes).map(
      ([size, count]) => [size, count - (then?.sizes[size] ?? 0)] as const,
    );
    return [
      name,
      {
        batches: now.batches - (then?.batches ?? 0),
        messages: now.messages - (then?.messages ?? 0),
        sizes: Object.fromEntries(sizes.filter(([, count]) => count > 0)),
      },
    ] as const;
  });
  return {
    kafkaRequests: new Map(kafkaRequests.filter(([, count]) => count > 0)),
    steps: new Map(steps.filter(([, { batches }]) => batches > 0)),
  };
}
