import { readFileSync } from 'node:fs';
import pg from 'pg';
import type { ShopSize } from '../arm.ts';

const SCHEMA = new URL('../../prisma/schema.sql', import.meta.url);

/**
 * Makes a database with the baselines' tables, whatever was there before.
 * @returns its URL
 */
export async function createDatabase(superuserUrl: string, name: string): Promise<string> {
  await withClient(superuserUrl, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${name}`);
  });
  const url = new URL(superuserUrl);
  url.pathname = `/${name}`;
  await withClient(url.href, (client) => client.query(readFileSync(SCHEMA, 'utf8')));
  return url.href;
}

async function withClient(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

export type SeededPart = 'products' | 'coupons' | 'balances';

/** Fills the tables of these parts with what stands in every shop, and analyses the database. */
export function seed(url: string, shop: ShopSize, parts: readonly SeededPart[]): Promise<void> {
  return withClient(url, async (client) => {
    for (const part of parts) for (const statement of SEED[part](shop)) await client.query(statement);
    await client.query('ANALYZE');
  });
}

/** Ids are given, so that every arm knows them without asking; the sequences go on after them. */
const SEED: Readonly<Record<SeededPart, (shop: ShopSize) => string[]>> = {
  products: ({ products, stock }) => [
    `INSERT INTO products (id, name, description, price) OVERRIDING SYSTEM VALUE
     SELECT id, 'Product ' || id, '', 10 FROM generate_series(1, ${products}) AS id`,
    `INSERT INTO product_stocks (product_id, quantity) SELECT id, ${stock} FROM generate_series(1, ${products}) AS id`,
    continueIds('products'),
  ],
  // One coupon a user and source: every `users` coupons come from another source.
  coupons: ({ users, coupons }) => [
    `INSERT INTO coupon_sources (id, name, discount_amount, quantity, initial_quantity) OVERRIDING SYSTEM VALUE
     SELECT id, 'Source ' || id, 1, 0, ${users} FROM generate_series(1, ${Math.ceil(coupons / users)}) AS id`,
    `INSERT INTO coupons (id, user_id, coupon_source_id, name, discount_amount) OVERRIDING SYSTEM VALUE
     SELECT id, (id - 1) % ${users} + 1, (id - 1) / ${users} + 1, 'Coupon', 1
     FROM generate_series(1, ${coupons}) AS id`,
    continueIds('coupon_sources'),
    continueIds('coupons'),
  ],
  balances: ({ users }) => [
    `INSERT INTO users (id, name) OVERRIDING SYSTEM VALUE
     SELECT id, 'User ' || id FROM generate_series(1, ${users}) AS id`,
    `INSERT INTO balances (id, user_id, amount) OVERRIDING SYSTEM VALUE
     SELECT id, id, ${START_BALANCE} FROM generate_series(1, ${users}) AS id`,
    `INSERT INTO balance_records (balance_id, type, amount)
     SELECT id, 'TOP_UP', ${START_BALANCE} FROM generate_series(1, ${users}) AS id`,
    continueIds('users'),
    continueIds('balances'),
  ],
};

/** Of every user, in the currency's unit. */
export const START_BALANCE = 1_000_000;

function continueIds(table: string): string {
  return `SELECT setval('${table}_id_seq', (SELECT coalesce(max(id), 0) + 1 FROM ${table}), false)`;
}
