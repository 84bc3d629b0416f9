import type { Tx } from '@orderflow/messaging/postgres';
import { formatAmount, parseAmount } from '@orderflow/shared-events/money';
import type { NewProduct, Product, ProductChange } from '../domain/product.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import type { Reader } from './reader.ts';

/** Inserts the product ON_SALE, its stock and the ledger's LOAD row, as one statement. */
export async function insertProduct(tx: Tx, product: NewProduct): Promise<Product> {
  const { rows } = await tx.query<Product>(
    `WITH product AS (
       INSERT INTO products (name, description, price) VALUES ($1, $2, $3) RETURNING *),
     stock AS (
       INSERT INTO product_stocks (product_id, quantity) SELECT id, $4 FROM product RETURNING quantity),
     load AS (
       INSERT INTO stock_adjustments (product_id, kind, delta) SELECT id, 'LOAD', $4 FROM product)
     SELECT id, name, description, price, status, quantity AS stock,
            created_at AS "createdAt", updated_at AS "updatedAt" FROM product, stock`,
    [product.name, product.description, formatAmount(product.price), product.stock],
  );
  const [inserted] = rows;
  if (!inserted) throw new Error('the insert returned no row');
  return inserted;
}

/** Changes what is given of a product; orders that are priced already keep their price. Null when there is none. */
export async function changeProduct(tx: Tx, id: number, change: ProductChange): Promise<Product | null> {
  const { name = null, description = null, price, status = null } = change;
  const { rows } = await tx.query<Product>(
    `UPDATE products p SET name = coalesce($2, name), description = coalesce($3, description),
            price = coalesce($4, price), status = coalesce($5, status), updated_at = now()
       FROM product_stocks s WHERE p.id = $1 AND s.product_id = p.id
     RETURNING p.id, name, description, price, status, s.quantity AS stock,
               p.created_at AS "createdAt", p.updated_at AS "updatedAt"`,
    [id, name, description, price === undefined ? null : formatAmount(price), status],
  );
  return rows[0] ?? null;
}

/** A product whatever its status; null when there is none. */
export async function findProduct(reader: Reader, id: number): Promise<Product | null> {
  const row = await reader.product.findUnique({ where: { id }, include: { stock: true } });
  return row && productFrom(row);
}

/** Products ON_SALE by id, `limit` + 1 of them, so that the caller sees whether there are more. */
export async function listProductsOnSale(
  reader: Reader,
  page: { readonly limit: number; readonly cursor?: number | undefined },
): Promise<Product[]> {
  const rows = await reader.product.findMany({
    where: { status: 'ON_SALE', id: { gt: page.cursor ?? 0 } },
    include: { stock: true },
    orderBy: { id: 'asc' },
    take: page.limit + 1,
  });
  return rows.map(productFrom);
}

type ProductRow = Prisma.ProductGetPayload<{ include: { stock: true } }>;

function productFrom({
  id,
  name,
  description,
  price,
  status,
  stock,
  createdAt,
  updatedAt,
}: ProductRow): Product {
  return {
    id: Number(id),
    name,
    description,
    price: parseAmount(price.toFixed(2)),
    status: status === 'ON_SALE' ? 'ON_SALE' : 'SUSPENDED',
    stock: Number(stock?.quantity ?? 0),
    createdAt,
    updatedAt,
  };
}
