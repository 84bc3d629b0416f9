-- What must not escape the reconciliation, one planted fault for each way an invariant can break. The head of a section
-- says: invariant | database | what was done | subject of the finding | words of its problem.
-- Constraints in the way of a fault are dropped first; every section is rolled back. Sections of `kafka` say of events
-- of the topics that they are lost, hold other bytes than their rows, or have a second copy with other bytes.

-- I1 | user-balance | a balance nobody topped up | user 2 | not what its records say
UPDATE balances SET amount = amount + 0.01 WHERE user_id = 2;

-- I1 | user-balance | a lost ledger row | user 2 | not what its records say
DELETE FROM balance_records WHERE type = 'TOP_UP' AND balance_id = 2;

-- I1 | user-balance | a balance below zero | user 2 | not what its records say
ALTER TABLE balances DROP CONSTRAINT balances_amount_check;
UPDATE balances SET amount = -1 WHERE user_id = 2;
INSERT INTO balance_records (balance_id, type, amount, order_id) VALUES (2, 'CHARGE', 6.00, 99);

-- I2 | product | stock from nowhere | product 1 | not what was loaded
UPDATE product_stocks SET quantity = quantity + 1 WHERE product_id = 1;

-- I2 | product | an adjustment that moved no stock | product 1 | loaded and adjusted
INSERT INTO stock_adjustments (product_id, kind, delta) VALUES (1, 'ADJUSTMENT', -3);

-- I2 | product | stock adjusted without a ledger row | product 2 | loaded and adjusted
DELETE FROM stock_adjustments WHERE product_id = 2 AND kind = 'ADJUSTMENT';

-- I2 | product | a product without a stock row | product 1 | not what was loaded
DELETE FROM product_stocks WHERE product_id = 1;

-- I2 | product | stock below zero | product 2 | not what was loaded
ALTER TABLE product_stocks DROP CONSTRAINT product_stocks_quantity_check;
UPDATE product_stocks SET quantity = -1 WHERE product_id = 2;
INSERT INTO stock_adjustments (product_id, kind, delta) VALUES (2, 'ADJUSTMENT', -14);

-- I2 | product | stock held of a product that does not exist | product 77 | not what was loaded
INSERT INTO stock_reservations (order_id, status, items) VALUES (98, 'done', '[{"productId":77,"quantity":1}]');

-- I3 | coupon | a coupon handed out beside the count | coupon source 1 | initial number
INSERT INTO coupons (user_id, coupon_source_id, name, discount_amount) VALUES (3, 1, 'Welcome', 5.00);

-- I3 | coupon | two coupons of one source for one user | user 2 | several coupons of one source
ALTER TABLE coupons DROP CONSTRAINT coupons_user_id_coupon_source_id_key;
INSERT INTO coupons (user_id, coupon_source_id, name, discount_amount) VALUES (2, 1, 'Welcome', 5.00);
UPDATE coupon_sources SET quantity = 7;

-- I3 | coupon | a coupon used for no order | coupon 2 | one live order holds it
UPDATE coupons SET used_at = now() WHERE id = 2;

-- I3 | coupon | a coupon of a live order that is free again | coupon 1 | one live order holds it
UPDATE coupons SET used_at = NULL WHERE id = 1;

-- I3 | coupon | a coupon used twice | coupon 1 | one live order holds it
UPDATE coupon_applications SET coupon_id = 1 WHERE order_id = 11;

-- I4 | order | an order that never ended | order 10 | it is COUPON_APPLIED
UPDATE orders SET status = 'COUPON_APPLIED' WHERE id = 10;

-- I4 | order | a timeline that ends otherwise | order 10 | timeline ends CANCELLED
INSERT INTO order_events (order_id, type, snapshot) VALUES (10, 'ORDER_CANCELLED', '{}');

-- I5 | order | a line that is not price times quantity | order 10 | unit price times quantity
UPDATE order_products SET total_price = 5.00 WHERE order_id = 10 AND product_id = 2;

-- I5 | order | an original amount beside its lines | order 10 | sum of its lines
UPDATE orders SET original_amount = 25.00, total_amount = 20.00 WHERE id = 10;

-- I5 | order | a total that is not original minus discount | order 10 | original minus discount
ALTER TABLE orders DROP CONSTRAINT orders_amounts_check;
UPDATE orders SET total_amount = 18.99 WHERE id = 10;

-- I5 | coupon | a discount the coupon is not worth | order 10 | coupon’s amount
UPDATE coupons SET discount_amount = 6.00 WHERE id = 1;

-- I5 | coupon | a coupon of another user | order 10 | another user’s
UPDATE coupons SET user_id = 9 WHERE id = 1;

-- I5 | order | a coupon the order does not name | order 10 | another coupon
UPDATE orders SET coupon_id = NULL WHERE id = 10;

-- I5 | coupon | a coupon application that was undone | order 10 | no live coupon application
UPDATE coupon_applications SET status = 'undone' WHERE order_id = 10;
UPDATE coupons SET used_at = NULL WHERE id = 1;

-- I5 | product | stock that was released | order 10 | stock is not held
UPDATE stock_reservations SET status = 'undone' WHERE order_id = 10;
UPDATE product_stocks SET quantity = quantity + 2;

-- I5 | product | stock held of something else | order 10 | not its items
UPDATE stock_reservations SET items = '[{"productId":2,"quantity":4}]' WHERE order_id = 10;

-- I5 | user-balance | a charge of another amount | order 10 | exactly one CHARGE
UPDATE balance_records SET amount = 18.00 WHERE order_id = 10;
UPDATE balances SET amount = 72.00 WHERE user_id = 1;

-- I5 | user-balance | a charge of another user | order 10 | exactly one CHARGE
UPDATE balance_records SET balance_id = 2 WHERE order_id = 10;

-- I5 | user-balance | a charge that was refunded | order 10 | exactly one CHARGE
INSERT INTO balance_records (balance_id, type, amount, order_id) VALUES (1, 'REFUND', 19.00, 10);
UPDATE balances SET amount = amount + 19 WHERE user_id = 1;

-- I5 | user-balance | a charge fence that says undone | order 10 | no live charge
UPDATE order_charges SET status = 'undone' WHERE order_id = 10;

-- I5 | payment | a payment that is missing | order 10 | exactly one payment
DELETE FROM payments WHERE order_id = 10;

-- I5 | payment | a payment fence that is missing | order 10 | no live payment
DELETE FROM payment_attempts WHERE order_id = 10;

-- I5 | order | order-paid published twice | order 10 | exactly one order-paid
INSERT INTO order_events (order_id, type, attempt, topic, snapshot) VALUES (10, 'ORDER_PAID', 1, 'order-paid', '{}');

-- I6 | user-balance | a refund that is missing | order 12 | charges and refunds do not sum to zero
DELETE FROM balance_records WHERE order_id = 12 AND type = 'REFUND';
UPDATE balances SET amount = 51.00 WHERE user_id = 1;

-- I6 | payment | a payment that was kept | order 12 | payments do not sum to zero
DELETE FROM payments WHERE order_id = 12 AND kind = 'REFUND';

-- I6 | product | stock that is still held | order 13 | still holds stock
UPDATE stock_reservations SET status = 'done' WHERE order_id = 13;
UPDATE product_stocks SET quantity = quantity - 3 WHERE product_id = 1;

-- I6 | coupon | a coupon that is still used | order 13 | still holds its coupon
UPDATE coupon_applications SET status = 'done' WHERE order_id = 13;
UPDATE coupons SET used_at = now() WHERE id = 2;

-- I6 | user-balance | a charge that is still live | order 12 | charge is still live
UPDATE order_charges SET status = 'done' WHERE order_id = 12;

-- I6 | payment | a payment that is still live | order 12 | payment is still live
UPDATE payment_attempts SET status = 'done' WHERE order_id = 12;

-- I6 | order | order-cancelled never published | order 14 | exactly one order-cancelled
DELETE FROM order_events WHERE order_id = 14 AND type = 'ORDER_CANCELLED';

-- I6 | order | a refunded order whose payment was never published | order 12 | order-paid was not published
DELETE FROM order_events WHERE order_id = 12 AND type = 'ORDER_PAID';

-- I6 | product | stock held for an order nobody placed | order 4711 | no such order was accepted
INSERT INTO stock_reservations (order_id, status, items) VALUES (4711, 'done', '[{"productId":1,"quantity":1}]');
UPDATE product_stocks SET quantity = quantity - 1 WHERE product_id = 1;

-- I7 | payment | a payment without a charge | money | do not agree
INSERT INTO payments (user_id, order_id, amount, kind) VALUES (1, 13, 1.00, 'PAYMENT');

-- I10 | product | sales of a day that nobody bought | product 2 | sales of a day
UPDATE product_daily_sales SET quantity = 9 WHERE product_id = 2;

-- I10 | product | a PAID order that was not counted | order 11 | not counted as sold
DELETE FROM sales_orders WHERE order_id = 11;
UPDATE product_daily_sales SET quantity = 2 WHERE product_id = 1;

-- I10 | product | a CANCELLED order that still counts | order 12 | it is counted as sold
UPDATE sales_orders SET state = 'COUNTED' WHERE order_id = 12;
UPDATE product_daily_sales SET quantity = 5 WHERE product_id = 1;

-- I5 | coupon | a discount that the coupon did not give | order 10 | not what the coupon gave
UPDATE coupon_applications SET discount_amount = 4.00 WHERE order_id = 10;

-- I5 | order | a discount without a coupon | order 11 | a discount without a coupon
UPDATE orders SET discount_amount = 1.00, total_amount = 9.00 WHERE id = 11;

-- I5 | user-balance | a charge row of another amount | order 10 | the charge is not its total
UPDATE order_charges SET amount = 18.00 WHERE order_id = 10;

-- I5 | payment | a payment row of another amount | order 10 | the payment is not its total
UPDATE payment_attempts SET amount = 18.00 WHERE order_id = 10;

-- I5 | order | a PAID order that also has a reason | order 10 | PAID without a time, or with a reason
UPDATE orders SET failure_reason = 'OTHER' WHERE id = 10;

-- I6 | order | a CANCELLED order without a reason | order 14 | CANCELLED without a reason
ALTER TABLE orders DROP CONSTRAINT orders_cancelled_check;
UPDATE orders SET failure_reason = NULL WHERE id = 14;

-- I10 | product | sales of an order nobody placed | order 4711 | no such order was accepted, and it is counted as sold
INSERT INTO sales_orders (order_id, state, day, items) VALUES (4711, 'COUNTED', '2026-01-01', '[{"productId":1,"quantity":1}]');
UPDATE product_daily_sales SET quantity = quantity + 1 WHERE product_id = 1;

-- I8 | kafka | a published order that never reached its topic | event order-created/14 | never reached its topic
lost order-created/14

-- I8 | kafka | an answer that never reached its topic | event stock-reserved/10 | never reached its topic
lost stock-reserved/10

-- I8 | kafka | an answer to an undoing that never reached its topic | event payment-refunded/12 | never reached its topic
lost payment-refunded/12

-- I8 | order | an event that nobody sent | event order-cancelling/13/2 | never reached its topic
INSERT INTO order_events (order_id, type, attempt, topic, snapshot) VALUES (13, 'ORDER_CANCELLING', 2, 'order-cancelling', '{}');

-- I8 | order | an event whose row says something else | event order-paid/11 | other bytes than its row
UPDATE order_events SET snapshot = '{"totalAmount":"11.00"}' WHERE order_id = 11 AND type = 'ORDER_PAID';

-- I8 | kafka | an event that holds something else than its row | event order-cancelled/12 | other bytes than its row
other order-cancelled/12

-- I8 | kafka | an event sent again with other bytes | event coupon-applied/11 | not the same byte for byte
differing coupon-applied/11

-- I8 | product | a reservation that nobody was told of | event stock-reserved/99 | never reached its topic
INSERT INTO stock_reservations (order_id, status, items) VALUES (99, 'done', '[]');

-- I8 | product | a refused reservation that nobody was told of | event stock-rejected/99 | never reached its topic
INSERT INTO stock_reservations (order_id, status) VALUES (99, 'rejected');

-- I8 | product | a tombstone that nobody was told of | event stock-released/99/1 | never reached its topic
INSERT INTO stock_reservations (order_id, status, attempt) VALUES (99, 'undone', 1);

-- I8 | coupon | a used coupon that nobody was told of | event coupon-applied/99 | never reached its topic
INSERT INTO coupon_applications (order_id, status, discount_amount) VALUES (99, 'undone', 0.00);

-- I8 | coupon | a refused coupon that nobody was told of | event coupon-rejected/99 | never reached its topic
INSERT INTO coupon_applications (order_id, status, refusal) VALUES (99, 'rejected', 'NOT_FOUND');

-- I8 | coupon | a nudge that was not answered | event coupon-restored/13/3 | never reached its topic
UPDATE coupon_applications SET attempt = 3 WHERE order_id = 13;

-- I8 | user-balance | a charge that nobody was told of | event balance-charged/99 | never reached its topic
INSERT INTO order_charges (order_id, status, user_id, amount) VALUES (99, 'undone', 1, 1.00);
INSERT INTO balance_records (balance_id, type, amount, order_id) VALUES (1, 'CHARGE', 1.00, 99), (1, 'REFUND', 1.00, 99);

-- I8 | user-balance | a refused charge that nobody was told of | event balance-rejected/99 | never reached its topic
INSERT INTO order_charges (order_id, status, user_id, amount) VALUES (99, 'undone', 1, 1.00);

-- I8 | user-balance | a refund that nobody was told of | event balance-refunded/13 | never reached its topic
UPDATE order_charges SET status = 'undone' WHERE order_id = 13;

-- I8 | payment | a payment that nobody was told of | event payment-completed/99 | never reached its topic
INSERT INTO payment_attempts (order_id, status, user_id, amount) VALUES (99, 'done', 1, 1.00);

-- I8 | payment | a refused payment that nobody was told of | event payment-rejected/99 | never reached its topic
INSERT INTO payment_attempts (order_id, status, user_id, amount) VALUES (99, 'rejected', 1, 1.00);

-- I9 | order | an acknowledged order that is lost | idempotency key 1/ten | is missing, or is another one
DELETE FROM order_events WHERE order_id = 10;
DELETE FROM order_products WHERE order_id = 10;
DELETE FROM orders WHERE id = 10;

-- I9 | order | an answer about an order of another user | idempotency key 1/eleven | is missing, or is another one
UPDATE orders SET user_id = 2 WHERE id = 11;

-- I9 | order | an answer about another coupon | idempotency key 1/eleven | is missing, or is another one
UPDATE orders SET coupon_id = 2 WHERE id = 11;

-- I9 | order | an answer about other items | idempotency key 1/eleven | is missing, or is another one
UPDATE order_products SET quantity = 2 WHERE order_id = 11;

-- I9 | order | an order that two keys have for their effect | order 11 | two idempotency keys
INSERT INTO idempotency_keys SELECT subject, route, 'again', '', status, answer FROM idempotency_keys WHERE key = 'eleven';

-- I9 | order | a key that was committed without its answer | idempotency key 1/early | without an answer
INSERT INTO idempotency_keys (subject, route, key, fingerprint, status, answer) VALUES (1, 'POST /v1/orders', 'early', '', 0, '');

-- I9 | payment | a key of a route that takes none | idempotency key 1/strange | without an answer
INSERT INTO idempotency_keys (subject, route, key, fingerprint, status, answer) VALUES (1, 'POST /v1/pay', 'strange', '', 201, '{}');

-- I9 | user-balance | an acknowledged top-up that is lost | idempotency key 2/ben | is missing, or is another one
DELETE FROM balance_records WHERE id = 6;

-- I9 | user-balance | an answer about another amount | idempotency key 2/ben | is missing, or is another one
UPDATE balance_records SET amount = 6.00 WHERE id = 6;

-- I9 | user-balance | a top-up of another user | idempotency key 2/ben | is missing, or is another one
UPDATE balance_records SET balance_id = 1 WHERE id = 6;

-- I9 | user-balance | an answer about a balance that there never was | idempotency key 2/ben | is missing, or is another one
UPDATE idempotency_keys SET answer = '{"recordId":6,"amount":"5.00","balance":"6.00"}' WHERE key = 'ben';

-- I9 | user-balance | a top-up that two keys have for their effect | top-up 1 | two idempotency keys
INSERT INTO idempotency_keys SELECT subject, route, 'again', '', status, answer FROM idempotency_keys WHERE key = 'ada';

-- I9 | product | an acknowledged adjustment that is lost | idempotency key 3/cups | more or fewer stock adjustments
DELETE FROM stock_adjustments WHERE kind = 'ADJUSTMENT';

-- I9 | product | one key with two adjustments | idempotency key 3/cups | more or fewer stock adjustments
INSERT INTO stock_adjustments (product_id, kind, delta, created_at)
  SELECT 1, 'ADJUSTMENT', 1, created_at FROM idempotency_keys;

-- I11 | product | a message parked that nobody injected | dead letters | 1 are open and 0 were expected
INSERT INTO dead_letters (step, topic, partition, "offset", headers, reason, error)
  VALUES ('product.reserve', 'order-created', 0, 1, '{}', 'SCHEMA', '');
