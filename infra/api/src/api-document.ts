import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { couponConfig } from '@orderflow/coupon/config';
import { composeCoupon } from '@orderflow/coupon/service';
import { localTokenRoutes } from '@orderflow/gateway/local-tokens';
import { operatorRoutes } from '@orderflow/gateway/ops/routes';
import { orderConfig } from '@orderflow/order/config';
import { composeOrder } from '@orderflow/order/service';
import { paymentConfig } from '@orderflow/payment/config';
import { composePayment } from '@orderflow/payment/service';
import { productConfig } from '@orderflow/product/config';
import { composeProduct } from '@orderflow/product/service';
import { openApiOf, type ApiDocument, type ApiPart } from '@orderflow/service-runtime/openapi';
import type { Route } from '@orderflow/service-runtime/route';
import type { ServiceParts } from '@orderflow/service-runtime/service-host';
import { userBalanceConfig } from '@orderflow/user-balance/config';
import { composeUserBalance } from '@orderflow/user-balance/service';
import { guide } from './guide.ts';

/** What the gateway serves at /openapi.json, and clients are generated from. */
export const documentFile = new URL('../../../packages/client/openapi.json', import.meta.url);

/**
 * Describes the API as clients see it through the gateway. The services are put together with the values of their
 * .env.example and never hosted: nothing connects.
 */
export async function describeApi(): Promise<ApiDocument> {
  const onFatal = () => undefined;
  const services = {
    order: composeOrder(orderConfig(exampleOf('order')), onFatal),
    payment: composePayment(paymentConfig(exampleOf('payment')), onFatal),
    product: composeProduct(productConfig(exampleOf('product')), onFatal),
    coupon: composeCoupon(couponConfig(exampleOf('coupon')), onFatal),
    userBalance: composeUserBalance(userBalanceConfig(exampleOf('user-balance')), onFatal),
  };
  const { order, payment, product, coupon, userBalance } = services;
  const part = (tag: string, { routes }: ServiceParts, description: string): ApiPart => ({
    tag,
    description,
    routes: routes.filter(forClients),
  });
  const parts: ApiPart[] = [
    part('Orders', order, 'Placing orders, following them to their end, cancelling and refunding them.'),
    part('Products', product, 'The catalogue, stock and sales.'),
    part('Coupons', coupon, 'Sources of coupons, and the coupons users took from them.'),
    part('Users and balances', userBalance, 'Users, their money and its ledger.'),
    part('Payments', payment, 'What orders paid and got back.'),
    {
      tag: 'Operations',
      description: 'For operators: the saga, the outbox, dead letters, the books.',
      routes: onceEach([
        ...Object.values(services).flatMap(({ routes }) => routes.filter((route) => !forClients(route))),
        ...operatorRoutes(askNobody),
      ]),
    },
    {
      tag: 'Local stack',
      description:
        'Tokens for any user and role. Elsewhere an OpenID provider gives them, and these are a 404.',
      routes: localTokenRoutes(noKey),
    },
  ];
  const document = openApiOf(parts, { title: 'Orderflow', version: '0.1.0', description: guide() });
  // Consumers have timers from the moment they are made.
  await Promise.all(Object.values(services).map(({ messaging }) => messaging.stop()));
  return document;
}

function forClients({ path }: Route): boolean {
  return !path.startsWith('/v1/ops/');
}

/** What every service serves of its own part, the gateway serves of the whole: the last of a name counts. */
function onceEach(routes: readonly Route[]): Route[] {
  return [...new Map(routes.map((route) => [route.name, route])).values()];
}

/** Routes are described, never called. */
const noKey: Parameters<typeof localTokenRoutes>[0] = {
  publicJwk: {},
  sign: () => Promise.reject(new Error('there is no key')),
};
const askNobody: Parameters<typeof operatorRoutes>[0] = () => Promise.reject(new Error('nobody is asked'));

function exampleOf(service: string): Readonly<Record<string, string>> {
  const file = new URL(`../../../services/${service}/.env.example`, import.meta.url);
  return Object.fromEntries(
    Object.entries(parseEnv(readFileSync(file, 'utf8'))).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  );
}

/** The document as text: the same routes, the same bytes. */
export function documentText(document: ApiDocument): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}
