import type { AmountMinor } from '@orderflow/shared-events/money';

/** What is not ON_SALE is in no list and in no order; it can still be looked at by its id. */
export type ProductStatus = 'ON_SALE' | 'SUSPENDED';

/** The most pieces that people may put in stock. What cancelled orders give back may go beyond it. */
export const STOCK_MAX = 1_000_000_000;

export interface Product {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly price: AmountMinor;
  readonly status: ProductStatus;
  /** Pieces that the next order can take. */
  readonly stock: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A product as an admin hands it in; `stock` pieces are loaded. */
export type NewProduct = Pick<Product, 'name' | 'description' | 'price' | 'stock'>;

/** What an admin changes of a product; what is not given stays. */
export type ProductChange = {
  readonly [Key in 'name' | 'description' | 'price' | 'status']?: Product[Key] | undefined;
};
