import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

export interface Metrics {
  readonly registry: Registry;
  /** Seconds from the first byte of a request to the end of its answer, by route and status. */
  observeHttp(route: string, status: number, seconds: number): void;
  counter<Label extends string = never>(
    name: string,
    help: string,
    labels?: readonly Label[],
  ): Counter<Label>;
  gauge<Label extends string = never>(
    name: string,
    help: string,
    labels?: readonly Label[],
    collect?: () => void | Promise<void>,
  ): Gauge<Label>;
  histogram<Label extends string = never>(
    name: string,
    help: string,
    buckets: readonly number[],
    labels?: readonly Label[],
  ): Histogram<Label>;
}

interface Observer {
  observe(seconds: number): void;
}

/** From a cached read to `Prefer: wait=10`. */
const httpBuckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/**
 * The metrics of one process, in a registry of its own, with Node's default metrics.
 * @param service the process's name, the label `service` of every metric
 */
export function createMetrics(service: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  // The lag monitor's default of 10 ms wakes an idle process 100 times a second; a wake takes 0.2 to 0.4 ms.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 500 });
  const http = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time to answer a request',
    labelNames: ['route', 'status'],
    buckets: httpBuckets,
    registers: [registry],
  });
  // Finding a labelled child hashes its labels on each observation; children are few, so they are kept.
  const children = new Map<string, Map<number, Observer>>();
  return {
    registry,
    observeHttp(route, status, seconds) {
      let byStatus = children.get(route);
      if (!byStatus) children.set(route, (byStatus = new Map<number, Observer>()));
      let child = byStatus.get(status);
      if (!child) byStatus.set(status, (child = http.labels(route, String(status))));
      child.observe(seconds);
    },
    counter: (name, help, labels = []) =>
      new Counter({ name, help, labelNames: [...labels], registers: [registry] }),
    gauge: (name, help, labels = [], collect) =>
      new Gauge({
        name,
        help,
        labelNames: [...labels],
        registers: [registry],
        ...(collect ? { collect } : {}),
      }),
    histogram: (name, help, buckets, labels = []) =>
      new Histogram({ name, help, labelNames: [...labels], buckets: [...buckets], registers: [registry] }),
  };
}
