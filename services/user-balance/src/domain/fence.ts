import type { AmountMinor } from '@orderflow/shared-events/money';

/** The row this service keeps per order in `order_charges`. What is `done` says who was charged how much. */
export type Fence =
  | {
      readonly status: 'done';
      readonly attempt: number;
      readonly userId: number;
      readonly amount: AmountMinor;
    }
  | { readonly status: 'rejected' | 'undone'; readonly attempt: number };

/** Fences by order id. The order of no row in here has not been seen. */
export type Fences = Map<number, Fence>;
