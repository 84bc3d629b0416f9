import type { Kit } from '@orderflow/messaging/kit';
import type { ConnectionPool } from '@orderflow/messaging/postgres';
import type { Books } from './books.ts';
import type { Service } from './shapes.ts';

/** A service as its operators see it. */
export interface Operated {
  readonly service: Service;
  readonly kit: Pick<Kit, 'pool' | 'replay' | 'resume' | 'outboxStatus' | 'lag'>;
  /** Read-only, one moment a transaction: `createPool({ reports: true })`. */
  readonly reports: ConnectionPool;
  readonly books: Books;
}
