-- A small, exact world for the tests of the reconciliation: user 1 with two PAID orders (10 with a coupon, 11 without)
-- and a refunded one (12), user 2 refused for money after stock and coupon (13) and refused for stock (14). The answers to
-- both top-ups, to an adjustment of stock and to the orders 10 and 11 are kept for their idempotency keys.
-- Each section names the database it belongs to.

-- database: user-balance
INSERT INTO users (name) VALUES ('Ada'), ('Ben');
INSERT INTO balances (user_id, amount) VALUES (1, 71.00), (2, 5.00);
INSERT INTO balance_records (balance_id, type, amount, order_id) VALUES
  (1, 'TOP_UP', 100.00, NULL), (1, 'CHARGE', 19.00, 10), (1, 'CHARGE', 10.00, 11),
  (1, 'CHARGE', 20.00, 12), (1, 'REFUND', 20.00, 12), (2, 'TOP_UP', 5.00, NULL);
INSERT INTO order_charges (order_id, user_id, amount, status) VALUES
  (10, 1, 19.00, 'done'), (11, 1, 10.00, 'done'), (12, 1, 20.00, 'undone'), (13, 2, 26.00, 'rejected');
INSERT INTO idempotency_keys (subject, route, key, fingerprint, status, answer) VALUES
  (1, 'POST /v1/balance/top-ups', 'ada', '', 201, '{"recordId":1,"amount":"100.00","balance":"100.00"}'),
  (2, 'POST /v1/balance/top-ups', 'ben', '', 201, '{"recordId":6,"amount":"5.00","balance":"5.00"}');

-- database: product
INSERT INTO products (name, description, price) VALUES ('Tea', '', 10.00), ('Cup', '', 2.00);
INSERT INTO product_stocks (product_id, quantity) VALUES (1, 7), (2, 13);
INSERT INTO stock_adjustments (product_id, kind, delta) VALUES
  (1, 'LOAD', 10), (2, 'LOAD', 20), (2, 'ADJUSTMENT', -5);
INSERT INTO stock_reservations (order_id, status, items) VALUES
  (10, 'done', '[{"productId":1,"quantity":2},{"productId":2,"quantity":2}]'),
  (11, 'done', '[{"productId":1,"quantity":1}]'), (12, 'undone', '[{"productId":1,"quantity":2}]'),
  (13, 'undone', '[{"productId":1,"quantity":3}]'), (14, 'rejected', NULL);
INSERT INTO sales_orders (order_id, state, day, items) VALUES
  (10, 'COUNTED', '2026-01-01', '[{"productId":1,"quantity":2},{"productId":2,"quantity":2}]'),
  (11, 'COUNTED', '2026-01-01', '[{"productId":1,"quantity":1}]'),
  (12, 'VOID', '2026-01-01', '[{"productId":1,"quantity":2}]');
INSERT INTO product_daily_sales (product_id, date, quantity) VALUES
  (1, '2026-01-01', 3), (2, '2026-01-01', 2);
INSERT INTO idempotency_keys (subject, route, key, fingerprint, status, answer) VALUES
  (3, 'POST /v1/products/{id}/stock-adjustments', 'cups', '', 201, '{"quantity":15}');

-- database: coupon
INSERT INTO coupon_sources (name, discount_amount, quantity, initial_quantity) VALUES ('Welcome', 5.00, 8, 10);
INSERT INTO coupons (user_id, coupon_source_id, used_at, name, discount_amount) VALUES
  (1, 1, now(), 'Welcome', 5.00), (2, 1, NULL, 'Welcome', 4.00);
INSERT INTO coupon_applications (order_id, coupon_id, status, discount_amount) VALUES
  (10, 1, 'done', 5.00), (11, NULL, 'done', 0.00), (12, NULL, 'undone', 0.00), (13, 2, 'undone', 4.00);

-- database: payment
INSERT INTO payments (user_id, order_id, amount, kind) VALUES
  (1, 10, 19.00, 'PAYMENT'), (1, 11, 10.00, 'PAYMENT'), (1, 12, 20.00, 'PAYMENT'), (1, 12, -20.00, 'REFUND');
INSERT INTO payment_attempts (order_id, status, user_id, amount) VALUES
  (10, 'done', 1, 19.00), (11, 'done', 1, 10.00), (12, 'undone', 1, 20.00);

-- database: order
INSERT INTO orders (id, user_id, status, coupon_id, original_amount, discount_amount, total_amount, failure_reason, paid_at) VALUES
  (10, 1, 'PAID', 1, 24.00, 5.00, 19.00, NULL, now()), (11, 1, 'PAID', NULL, 10.00, 0.00, 10.00, NULL, now()),
  (12, 1, 'CANCELLED', NULL, 20.00, 0.00, 20.00, 'CANCELLED_BY_USER', now()),
  (13, 2, 'CANCELLED', 2, 30.00, 4.00, 26.00, 'INSUFFICIENT_BALANCE', NULL),
  (14, 2, 'CANCELLED', NULL, NULL, NULL, NULL, 'OUT_OF_STOCK', NULL);
INSERT INTO order_products (order_id, product_id, quantity, unit_price, total_price) VALUES
  (10, 1, 2, 10.00, 20.00), (10, 2, 2, 2.00, 4.00), (11, 1, 1, 10.00, 10.00),
  (12, 1, 2, 10.00, 20.00), (13, 1, 3, 10.00, 30.00), (14, 1, 999, NULL, NULL);
INSERT INTO order_events (order_id, type, topic, snapshot)
  SELECT id, 'ORDER_CREATED', 'order-created', '{}' FROM orders UNION ALL
  SELECT id, 'ORDER_PAID', 'order-paid', '{}' FROM orders WHERE paid_at IS NOT NULL UNION ALL
  SELECT id, 'ORDER_CANCELLED', 'order-cancelled', '{}' FROM orders WHERE status = 'CANCELLED';
INSERT INTO idempotency_keys (subject, route, key, fingerprint, status, answer) VALUES
  (1, 'POST /v1/orders', 'ten', '', 202,
   '{"id":10,"userId":1,"couponId":1,"items":[{"productId":2,"quantity":2},{"productId":1,"quantity":2}]}'),
  (1, 'POST /v1/orders', 'eleven', '', 202, '{"id":11,"userId":1,"couponId":null,"items":[{"productId":1,"quantity":1}]}');
