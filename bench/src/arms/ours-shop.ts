import type { ServiceName } from '@orderflow/local/ports';
import pg from 'pg';
import type { ShopSize } from '../arm.ts';

/** Runs one statement in a database, by its superuser's URL. */
export async function queryAt<Row extends object>(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url, application_name: 'bench' });
  await client.connect();
  try {
    return (await client.query<Row>(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

/** What fills each service's tables, set by set; `size` arguments are numbers, so they can stand in the text. */
function seeds({ users, products, stock, coupons }: ShopSize): Partial<Record<ServiceName, string>> {
  const sources = Math.max(1, Math.ceil(coupons / users));
  return {
    product: `
      INSERT INTO products (id, name, description, price) OVERRIDING SYSTEM VALUE
        SELECT i, 'Product ' || i, '', 10 FROM generate_series(1, ${products}) i;
      INSERT INTO product_stocks (product_id, quantity) SELECT id, ${stock} FROM products;
      INSERT INTO stock_adjustments (product_id, kind, delta) SELECT id, 'LOAD', ${stock} FROM products;`,
    coupon: `
      INSERT INTO coupon_sources (id, name, discount_amount, quantity, initial_quantity) OVERRIDING SYSTEM VALUE
        SELECT s, 'Source ' || s, 1, 0, least(${users}, ${coupons} - (s - 1) * ${users})
          FROM generate_series(1, ${sources}) s WHERE ${coupons} > 0;
      INSERT INTO coupons (id, user_id, coupon_source_id, name, discount_amount) OVERRIDING SYSTEM VALUE
        SELECT c, (c - 1) % ${users} + 1, (c - 1) / ${users} + 1, 'Coupon', 1 FROM generate_series(1, ${coupons}) c;
      SELECT setval(pg_get_serial_sequence('coupon_sources', 'id'), ${sources + 1});
      SELECT setval(pg_get_serial_sequence('coupons', 'id'), ${coupons + 1});`,
    'user-balance': `
      INSERT INTO users (id, name) OVERRIDING SYSTEM VALUE
        SELECT i, 'User ' || i FROM generate_series(1, ${users}) i;
      INSERT INTO balances (user_id, amount) SELECT id, 1000000 FROM users;
      INSERT INTO balance_records (balance_id, type, amount) SELECT id, 'TOP_UP', amount FROM balances;`,
  };
}

/** Fills the migrated tables of the services and tells the planner of them. */
export async function seedShop(
  adminUrls: Readonly<Record<ServiceName, string>>,
  size: ShopSize,
): Promise<void> {
  const fillings = Object.entries(seeds(size)) as [ServiceName, string][];
  await Promise.all(fillings.map(([service, text]) => queryAt(adminUrls[service], text)));
  await Promise.all(Object.values(adminUrls).map((url) => queryAt(url, 'ANALYZE')));
}
