/**
 * What 1,000 orders took when these values were recorded (five runs: the same counts in each, fsyncs 14 to 16, bytes
 * within 6 %). The gate closes at BOUND times a value. After a change that is meant to cost more, or one that saves: put
 * 0 in its place, run `npm test -- bench/src/gate`, and write down what the failure has received.
 */
export const RECORDED: Readonly<Record<string, number>> = {
  /** Steps take at most 1,000 messages; `order.advance` has 4,000. */
  batches: 9,
  /** One a batch, and one for each deleted outbox row. */
  'transactions that write': 14,
  fsyncs: 15,
  /** One a batch that publishes. */
  'outbox rows': 5,
  /** Two for the 1,000 events of a row: a request has at most 800,000 bytes of a topic. */
  'Produce requests': 10,
  'OffsetCommit requests': 7,

  /** Besides BEGIN and COMMIT; deletes of outbox rows included. */
  'product.reserve: statements a batch': 6,
  'coupon.apply: statements a batch': 6,
  'user-balance.charge: statements a batch': 8,
  'order.advance to CHARGED: statements a batch': 5,
  'payment.pay: statements a batch': 5,
  'order.advance to PAID: statements a batch': 7,
  'product.count-sales: statements a batch': 5,

  /** Without images of pages. */
  'product.reserve: WAL bytes a message': 416,
  'coupon.apply: WAL bytes a message': 200,
  'user-balance.charge: WAL bytes a message': 961,
  'order.advance to CHARGED: WAL bytes a message': 720,
  'payment.pay: WAL bytes a message': 539,
  'order.advance to PAID: WAL bytes a message': 915,
  'product.count-sales: WAL bytes a message': 566,

  'order-created: bytes an event': 439,
  'stock-reserved: bytes an event': 485,
  'coupon-applied: bytes an event': 490,
  'balance-charged: bytes an event': 499,
  'payment-completed: bytes an event': 501,
  'order-paid: bytes an event': 516,
};

/** Room for what a change brings with good reason; what costs more is to be decided. */
export const BOUND = 1.5;
