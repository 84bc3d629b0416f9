import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { createLogger } from '@orderflow/service-runtime/logger';
import { migrate } from '@orderflow/service-runtime/migrations';
import { postgresUrl } from '@orderflow/testing/backends';
import pg from 'pg';
import { readTables } from './database-tables.ts';
import { ENTITIES } from './entity-diagram.ts';
import { parsePrismaSchema } from './prisma-schema.ts';
import type { Tables } from './table.ts';

const SERVICES = ['user-balance', 'product', 'coupon', 'order', 'payment'] as const;
type Service = (typeof SERVICES)[number];

const prismaOf = (service: Service, path: string) =>
  new URL(`../../services/${service}/prisma/${path}`, import.meta.url);
const schemaOf = (service: Service) => readFileSync(prismaOf(service, 'schema.prisma'), 'utf8');

async function withClient<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The tables that a service's migrations make of nothing. */
async function migratedTables(service: Service): Promise<Tables> {
  const admin = await postgresUrl();
  const name = `schema_${service.replace('-', '_')}_${randomBytes(4).toString('hex')}`;
  const url = new URL(admin);
  url.pathname = `/${name}`;
  await withClient(admin, (client) => client.query(`CREATE DATABASE ${name}`));
  try {
    const logger = createLogger({ service: 'tests', level: 'silent' });
    await migrate({ url: url.href, directory: prismaOf(service, 'migrations').pathname, logger });
    return await withClient(url.href, readTables);
  } finally {
    await withClient(admin, (client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`));
  }
}

const migrated = {} as Record<Service, Tables>;

beforeAll(async () => {
  for (const service of SERVICES) migrated[service] = await migratedTables(service);
});

describe.each(SERVICES)("the database of %s, made by the service's migrations", (service) => {
  it('is what its schema.prisma says: tables, columns, types, defaults, keys and indexes', () => {
    expect(migrated[service]).toEqual(parsePrismaSchema(schemaOf(service)));
  });

  it.each(Object.entries(ENTITIES[service] ?? {}))('has %s as in the entity diagram', (name, entity) => {
    const table = migrated[service][name];
    expect(table?.primaryKey).toEqual(entity.primaryKey);
    for (const [column, types] of Object.entries(entity.columns)) {
      const found = table?.columns[column];
      expect({ column, ...found, type: types.find((type) => type === found?.type) }).toEqual({
        column,
        type: found?.type,
        nullable: entity.nullable?.includes(column) ?? false,
        hasDefault: expect.any(Boolean),
      });
    }
    const references = Object.entries(entity.references ?? {});
    expect(table?.foreignKeys).toEqual(
      references.map(([column, other]) => ({ columns: [column], table: other, referenced: ['id'] })),
    );
    if (entity.unique !== undefined) expect(table?.uniques).toContainEqual([entity.unique]);
  });
});

describe('the comparison', () => {
  it.each([
    ['a table that is missing', '@@map("outbox")', '@@map("outgoing")'],
    ['a column that is missing', '  attempt        Int            @default(0)\n', ''],
    ['a column that is too many', '  attempt        Int ', '  round          Int\n  attempt        Int '],
    ['another type', 'userId         BigInt ', 'userId         Int '],
    ['another length', '@map("failure_reason") @db.VarChar(25)', '@map("failure_reason") @db.VarChar(24)'],
    [
      'another precision',
      '@map("total_amount") @db.Decimal(17, 2)',
      '@map("total_amount") @db.Decimal(17, 3)',
    ],
    ['time in another precision', '@map("paid_at") @db.Timestamptz(6)', '@map("paid_at") @db.Timestamptz(3)'],
    ['no list', 'compensate     String[]', 'compensate     String'],
    ['NULL allowed', 'snapshot    String', 'snapshot    String?'],
    ['NULL forbidden', 'couponId       BigInt?', 'couponId       BigInt'],
    ['no default', 'Int            @default(0)', 'Int'],
    ['another primary key', '@@id([orderId, productId])', '@@id([productId, orderId])'],
    ['a unique key that is missing', '  @@unique([orderId, type, attempt])\n', ''],
    ['an index that is missing', '  @@index([userId, id])\n', ''],
    [
      'a relation that is missing',
      '  orderId     BigInt   @map("order_id")\n  order       Order    @relation(fields: [orderId], references: [id])',
      '  orderId     BigInt   @map("order_id")',
    ],
  ])('sees %s', (_, ...replaced) => {
    let planted = schemaOf('order');
    for (let at = 0; at < replaced.length; at += 2) {
      expect(planted).toContain(replaced[at]);
      planted = planted.replace(replaced[at]!, replaced[at + 1]!);
    }
    expect(migrated.order).not.toEqual(parsePrismaSchema(planted));
  });

  it('takes nothing in a schema for granted that it does not know', () => {
    expect(() => parsePrismaSchema('model A {\n  id Uuid @id\n}\n')).toThrow('no such type: Uuid');
    expect(() => parsePrismaSchema('model A {\n  id BigInt @db.Oid\n}\n')).toThrow(
      'no such type: BigInt db.Oid',
    );
    expect(() => parsePrismaSchema('model A {\n  id\n}\n')).toThrow('not a field: id');
    expect(() => parsePrismaSchema('model A {\n  id Int\n  @@id([b])\n}\n')).toThrow('A has no field b');
  });
});
