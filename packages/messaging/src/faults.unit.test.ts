import { describe, expect, it } from '@jest/globals';
import { MessageFault } from '@orderflow/shared-events/fault';
import pg from 'pg';
import { classify } from './faults.ts';
import { DatabaseAway } from './postgres.ts';

function sqlError(code: string, constraint?: string): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError('some text', 9, 'error'), {
    code,
    constraint,
    severity: 'ERROR',
  });
}

const FENCES = ['toy_orders_pkey', 'sales_orders_pkey'];

describe('classify', () => {
  it('takes a violation of a fence for a lost race, of any of the step’s fences', () => {
    for (const fence of FENCES) {
      expect(classify(sqlError('23505', fence), FENCES)).toEqual({ kind: 'lost-race' });
    }
  });

  it.each([
    ['another unique key', '23505', 'balances_user_id_key'],
    ['a fence of another step', '23505', 'coupon_applications_pkey'],
    ['a unique violation without a name', '23505', undefined],
    ['a CHECK that bears a fence’s name', '23514', 'toy_orders_pkey'],
    ['a foreign key', '23503', undefined],
    ['NOT NULL', '23502', undefined],
  ])('has %s run again a few times', (_, code, constraint) => {
    expect(classify(sqlError(code, constraint), FENCES)).toEqual({ kind: 'constraint' });
  });

  it.each([
    ['a lost connection', '08006'],
    ['a plan that a migration has outdated', '0A000'],
    ['an internal error of the server', 'XX000'],
    ['an idle transaction that was ended', '25P03'],
    ['a role without login', '28000'],
    ['a database that does not exist yet', '3D000'],
    ['a serialization failure', '40001'],
    ['a deadlock', '40P01'],
    ['a table that does not exist yet', '42P01'],
    ['a right that was not granted yet', '42501'],
    ['a full disk', '53100'],
    ['too many connections', '53300'],
    ['a lock that took too long', '55P03'],
    ['a statement that took too long', '57014'],
    ['an administrator’s shutdown', '57P01'],
    ['a server that starts', '57P03'],
    ['a failing disk', '58030'],
  ])('waits for %s', (_, code) => {
    expect(classify(sqlError(code), FENCES)).toEqual({ kind: 'retry' });
  });

  it.each(['DATABASE_AWAY', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'])(
    'waits for a backend that is away with %s',
    (code) => {
      expect(classify(Object.assign(new Error('gone'), { code }), FENCES)).toEqual({ kind: 'retry' });
    },
  );

  it('waits for a database that is away', () => {
    expect(classify(new DatabaseAway(new Error('gone')), [])).toEqual({ kind: 'retry' });
  });

  it.each([
    ['a value out of range', sqlError('22003')],
    ['an amount that is no number', sqlError('22P02')],
    ['an error raised by a function', sqlError('P0001')],
    ['a bug', new TypeError('x is not a function')],
    ['a code that no one knows', Object.assign(new Error('?'), { code: 'EWHATEVER' })],
    ['five characters that are not Postgres’', Object.assign(new Error('?'), { code: '40001' })],
    ['a thrown text', 'text'],
    ['nothing', undefined],
    ['null', null],
  ])('holds the message responsible for %s', (_, error) => {
    expect(classify(error, FENCES)).toEqual({ kind: 'message', reason: 'FAULT' });
  });

  it('parks a refund without a charge under its own reason, by its code and not its class', () => {
    const expected = { kind: 'message', reason: 'REFUND_WITHOUT_CHARGE' };
    expect(classify(new MessageFault('REFUND_WITHOUT_CHARGE', 'never paid'), FENCES)).toEqual(expected);
    const ofAnotherCopy = Object.assign(new Error('never paid'), { code: 'REFUND_WITHOUT_CHARGE' });
    expect(classify(ofAnotherCopy, FENCES)).toEqual(expected);
  });
});
