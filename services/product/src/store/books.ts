/** What this service can say about its books by itself. */
export const productBooks = {
  invariants: [
    {
      id: 'I2',
      promise: 'each stock is what was loaded and adjusted minus what live orders hold, and not below zero',
      unit: 'products',
      checked: 'SELECT count(*) AS count FROM products',
      violations: `
        WITH loaded AS (
          SELECT product_id, sum(delta)::bigint AS quantity FROM stock_adjustments GROUP BY product_id
        ), held AS (
          SELECT (item ->> 'productId')::bigint AS product_id, sum((item ->> 'quantity')::bigint)::bigint AS quantity
            FROM stock_reservations, jsonb_array_elements(items) AS item
           WHERE status = 'done' GROUP BY 1
        )
        SELECT 'product ' || product_id AS subject, s.quantity AS stock, coalesce(l.quantity, 0) AS loaded,
               coalesce(h.quantity, 0) AS held
          FROM (SELECT id AS product_id FROM products) p
          FULL JOIN product_stocks s USING (product_id)
          FULL JOIN loaded l USING (product_id)
          FULL JOIN held h USING (product_id)
         WHERE s.quantity IS DISTINCT FROM coalesce(l.quantity, 0) - coalesce(h.quantity, 0) OR s.quantity < 0
         ORDER BY product_id`,
    },
    {
      id: 'I10',
      promise: 'the sales of a day are what its counted orders say',
      unit: 'products and days',
      checked: 'SELECT count(*) AS count FROM product_daily_sales',
      violations: `
        WITH counted AS (
          SELECT (item ->> 'productId')::bigint AS product_id, day AS date,
                 sum((item ->> 'quantity')::bigint)::bigint AS quantity
            FROM sales_orders, jsonb_array_elements(items) AS item
           WHERE state = 'COUNTED' GROUP BY 1, 2
        )
        SELECT 'product ' || product_id || ' on ' || date AS subject, coalesce(s.quantity, 0) AS sold,
               coalesce(c.quantity, 0) AS counted
          FROM product_daily_sales s FULL JOIN counted c USING (product_id, date)
         WHERE coalesce(s.quantity, 0) <> coalesce(c.quantity, 0)
         ORDER BY product_id, date`,
    },
  ],
  totals: [],
};
