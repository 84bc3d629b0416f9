const TOKEN = {
  file: 'packages/service-runtime/src/auth.ts',
  suites: ['packages/service-runtime/src/auth.unit.test.ts'],
};
const READ = ['services/order/src/http/read-orders.int.test.ts'];

/**
 * Who may come in, and what they see.
 * @type {readonly import('../guards.mjs').Guard[]}
 */
export const DOORS = [
  {
    name: 'owner.order',
    promise: "another user's order is not there",
    file: 'services/order/src/http/read-order.ts',
    text: "if (order && (Number(order.userId) === caller.userId || caller.roles.has('operator'))) return order;",
    replacement: 'if (order) return order;',
    suites: READ,
  },
  {
    name: 'owner.orders',
    promise: 'a list shows own orders only',
    file: 'services/order/src/store/reading.ts',
    text: '          userId: BigInt(userId),\n',
    replacement: '',
    suites: READ,
  },
  {
    name: 'owner.cancel',
    promise: "nobody cancels another user's order",
    file: 'services/order/src/http/cancel-order.ts',
    text: 'if (order?.data.userId !== caller.userId) throw orderNotFound(id);',
    replacement: 'if (!order) throw orderNotFound(id);',
    suites: ['services/order/src/http/cancel-order.int.test.ts'],
  },
  {
    name: 'owner.stream',
    promise: "nobody watches another user's order",
    file: 'services/order/src/http/stream-order.ts',
    text: 'if (first?.order.userId !== caller.userId) throw orderNotFound(params.id);',
    replacement: 'if (!first) throw orderNotFound(params.id);',
    suites: ['services/order/src/http/stream-order.int.test.ts'],
  },
  {
    name: 'owner.payments',
    promise: 'a list shows own payments only',
    file: 'services/payment/src/store/payments.ts',
    text: '      userId: query.userId,\n',
    replacement: '',
    suites: ['services/payment/src/http/list-payments.int.test.ts'],
  },
  {
    name: 'owner.coupons',
    promise: 'a list shows own coupons only',
    file: 'services/coupon/src/store/coupons.ts',
    text: '      userId: query.userId,\n',
    replacement: '',
    suites: ['services/coupon/src/http/coupons.int.test.ts'],
  },
  {
    name: 'owner.coupon-used',
    promise: "nobody uses another user's coupon",
    file: 'services/coupon/src/domain/application.ts',
    text: "if (coupon.userId !== data.userId) return [rejected(data, 'OTHER_USER')];",
    replacement: '',
    suites: ['services/coupon/src/domain/application.unit.test.ts'],
  },
  {
    name: 'owner.user',
    promise: 'a user is shown to nobody but themselves and admins',
    file: 'services/user-balance/src/http/read-user.ts',
    text: "caller.userId === id || caller.roles.has('admin')",
    replacement: 'caller.userId > 0',
    suites: ['services/user-balance/src/http/balance.int.test.ts'],
  },
  {
    name: 'door.role',
    promise: "an operator's or an admin's route is theirs alone",
    file: 'packages/service-runtime/src/read-request.ts',
    text: 'if (caller) requireRole(caller, route.caller);',
    replacement: '',
    suites: ['packages/service-runtime/src/http-app.unit.test.ts'],
  },
  {
    ...TOKEN,
    name: 'token.algorithm',
    promise: 'one algorithm counts',
    text: "      algorithms: ['RS256'],\n",
    replacement: '',
  },
  {
    ...TOKEN,
    name: 'token.type',
    promise: 'an id token is no access token',
    text: "      typ: 'at+jwt',\n",
    replacement: '',
  },
  {
    ...TOKEN,
    name: 'token.issuer',
    promise: "another issuer's token does not count",
    text: '      issuer,\n      audience,\n',
    replacement: '      audience,\n',
  },
  {
    ...TOKEN,
    name: 'token.audience',
    promise: 'a token for somebody else does not count',
    text: '      issuer,\n      audience,\n',
    replacement: '      issuer,\n',
  },
  {
    ...TOKEN,
    name: 'token.end',
    promise: 'a token without an end does not count',
    text: "      requiredClaims: ['exp', 'sub'],\n",
    replacement: '',
  },
  {
    ...TOKEN,
    name: 'token.end-soon',
    promise: 'a token that lives too long does not count',
    text: `if (exp > nowSeconds + lifetimeMaxSeconds + clockToleranceSeconds)
    throw refused('the token lives too long');`,
    replacement: '',
  },
  {
    ...TOKEN,
    name: 'token.future',
    promise: 'a token from the future does not count',
    text: `if (iat !== undefined && iat > nowSeconds + clockToleranceSeconds)
    throw refused('the token is from the future');`,
    replacement: '',
  },
  {
    ...TOKEN,
    name: 'token.remembered',
    promise: 'a token that was checked counts until its end, no longer',
    text: 'if (known.expiresAt > Date.now()) {',
    replacement: 'if (known.expiresAt > 0) {',
  },
  {
    ...TOKEN,
    name: 'token.own-key',
    promise: 'a token that brings a key of its own does not count',
    text: "if (header.jku !== undefined || header.jwk !== undefined || 'x5u' in header || 'x5c' in header) {",
    replacement: "if ('x5c' in header) {",
  },
  {
    ...TOKEN,
    name: 'token.subject',
    promise: 'a subject that is no user id does not count',
    text: "if (!Number.isSafeInteger(userId)) throw refused('the subject is not a user id');",
    replacement: '',
  },
];
