/** What this service can say about its books by itself. */
export const couponBooks = {
  invariants: [
    {
      id: 'I3',
      promise: 'coupons left plus issued is the initial number',
      unit: 'coupon sources',
      checked: 'SELECT count(*) AS count FROM coupon_sources',
      violations: `
        SELECT 'coupon source ' || s.id AS subject, s.quantity AS "left", coalesce(c.issued, 0) AS issued,
               s.initial_quantity AS initial
          FROM coupon_sources s
          LEFT JOIN (SELECT coupon_source_id, count(*) AS issued FROM coupons GROUP BY 1) c
            ON c.coupon_source_id = s.id
         WHERE s.quantity + coalesce(c.issued, 0) <> s.initial_quantity OR s.quantity < 0
         ORDER BY s.id`,
    },
    {
      id: 'I3',
      promise: 'a user has one coupon of a source at most',
      unit: 'coupons',
      checked: 'SELECT count(*) AS count FROM coupons',
      violations: `
        SELECT 'user ' || user_id AS subject, coupon_source_id AS "couponSourceId", array_agg(id ORDER BY id) AS coupons
          FROM coupons GROUP BY user_id, coupon_source_id HAVING count(*) > 1
         ORDER BY user_id`,
    },
    {
      id: 'I3',
      promise: 'a coupon is used exactly when one live order holds it',
      unit: 'uses',
      checked: `SELECT count(*) AS count FROM coupon_applications WHERE status = 'done' AND coupon_id IS NOT NULL`,
      violations: `
        WITH live AS (
          SELECT coupon_id, array_agg(order_id ORDER BY order_id) AS orders
            FROM coupon_applications WHERE status = 'done' AND coupon_id IS NOT NULL GROUP BY coupon_id
        )
        SELECT 'coupon ' || coalesce(c.id, live.coupon_id) AS subject, c.used_at AS "usedAt",
               coalesce(live.orders, '{}') AS orders
          FROM coupons c FULL JOIN live ON live.coupon_id = c.id
         WHERE (c.used_at IS NOT NULL) <> (live.coupon_id IS NOT NULL) OR cardinality(live.orders) > 1
         ORDER BY coalesce(c.id, live.coupon_id)`,
    },
  ],
  totals: [],
};
