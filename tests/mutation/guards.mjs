import { DOORS } from './guards/doors.mjs';
import { KIT } from './guards/kit.mjs';
import { LOCKS } from './guards/locks.mjs';
import { ORDERS } from './guards/orders.mjs';
import { PARTICIPANTS } from './guards/participants.mjs';
import { TABLES } from './guards/tables.mjs';

/**
 * Every guard whose removal must turn a suite red: what hurts most first.
 * @type {readonly import('./guards.mjs').Guard[]}
 */
export const GUARDS = [...PARTICIPANTS, ...ORDERS, ...LOCKS, ...KIT, ...TABLES, ...DOORS];
