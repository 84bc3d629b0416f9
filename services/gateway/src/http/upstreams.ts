import type { Logger } from '@orderflow/service-runtime/logger';
import type { Metrics } from '@orderflow/service-runtime/metrics';
import type { GatewayConfig } from '../config.ts';
import type { ServiceName } from './routing.ts';
import { createUpstream, type Upstream, type UpstreamState } from './upstream.ts';

export type Upstreams = Readonly<Record<ServiceName, Upstream>>;

/** The five services as the gateway reaches them, with their states in the metrics. */
export function connectUpstreams(config: GatewayConfig, logger: Logger, metrics: Metrics): Upstreams {
  const refused = metrics.counter(
    'gateway_upstream_refused_total',
    'Requests answered 503 without asking the service: it counts as away (open), or too many wait or stream already',
    ['upstream', 'reason'],
  );
  const connect = (name: ServiceName, url: string) =>
    createUpstream({
      name,
      url,
      silentMaxMs: config.UPSTREAM_TIMEOUT_MS,
      waitingMax: config.UPSTREAM_WAITING_MAX,
      streamsMax: config.STREAMS_MAX,
      logger,
      onRefused: (reason) => refused.inc({ upstream: name, reason }),
    });
  const upstreams = {
    order: connect('order', config.ORDER_URL),
    payment: connect('payment', config.PAYMENT_URL),
    product: connect('product', config.PRODUCT_URL),
    coupon: connect('coupon', config.COUPON_URL),
    'user-balance': connect('user-balance', config.USER_BALANCE_URL),
  };
  showStates(upstreams, metrics);
  return upstreams;
}

function showStates(upstreams: Upstreams, metrics: Metrics): void {
  const show = (name: string, help: string, valueOf: (state: UpstreamState) => number) => {
    const gauge = metrics.gauge(name, help, ['upstream'], () => {
      for (const [upstream, { state }] of Object.entries(upstreams))
        gauge.set({ upstream }, valueOf(state()));
    });
  };
  show('gateway_upstream_open', '1 while a service counts as away', ({ open }) => (open ? 1 : 0));
  show('gateway_upstream_waiting', 'Requests without an answer yet', ({ waiting }) => waiting);
  show('gateway_upstream_streams', 'Open event streams', ({ streams }) => streams);
}
