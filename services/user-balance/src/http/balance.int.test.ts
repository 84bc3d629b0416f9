import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PrismaPg } from '@prisma/adapter-pg';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPool } from '@orderflow/messaging/postgres';
import { createHttpApp } from '@orderflow/service-runtime/http-app';
import { createLogger } from '@orderflow/service-runtime/logger';
import { createMetrics } from '@orderflow/service-runtime/metrics';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import request from 'supertest';
import { PrismaClient } from '../generated/prisma/client.ts';
import { createUser } from './create-user.ts';
import { listRecords } from './list-records.ts';
import { readBalance } from './read-balance.ts';
import { readUser } from './read-user.ts';
import { topUpBalance } from './top-up-balance.ts';

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url).pathname;
/** No identity column comes this far in a test. */
const ADMIN = 1_000_000;
const NOBODY = 2_000_000;
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

describe('the HTTP side of user-balance', () => {
  let database: TestDatabase;
  let pool: ReturnType<typeof createPool>;
  let reader: PrismaClient;
  let app: ReturnType<typeof createHttpApp>;
  let ann: number;
  let bob: number;

  beforeAll(async () => {
    database = await createTestDatabase({ name: 'user_balance', migrations: MIGRATIONS });
    pool = createPool({ url: database.url, name: 'tests' });
    reader = new PrismaClient({ adapter: new PrismaPg({ connectionString: database.url, max: 2 }) });
    const write = { pool, outbox: messageOutbox, handOver: () => undefined };
    app = createHttpApp({
      routes: [
        createUser(reader),
        readUser(reader),
        readBalance(reader),
        topUpBalance(write, { limit: 100_000n, pace: { intervalMs: 1, maxBatch: 100, maxWaiting: 1000 } }),
        listRecords(reader),
      ],
      // The header is the user id: who may have which token is tested where tokens are checked.
      verifyToken: (user) =>
        Promise.resolve({
          userId: Number(user),
          roles: new Set(Number(user) === ADMIN ? (['operator', 'admin'] as const) : []),
          expiresAt: Number.POSITIVE_INFINITY,
        }),
      logger: createLogger({ service: 'user-balance', level: 'silent' }),
      metrics: createMetrics('user-balance'),
      checkAnswers: true,
    });
  });

  afterAll(async () => {
    await Promise.all([pool.end(), reader.$disconnect()]);
    await database.drop();
  });

  beforeEach(async () => {
    ann = ((await create({ name: ' Ann ' })).body as { id: number }).id;
    bob = ((await create({ name: 'Bob' })).body as { id: number }).id;
  });

  const create = (body: object, as = ADMIN) =>
    request(app).post('/v1/users').set('Authorization', String(as)).send(body);
  const get = (path: string, as: number) => request(app).get(path).set('Authorization', String(as));
  const topUp = (as: number, key: string, amount: unknown = '10.00') =>
    request(app)
      .post('/v1/balance/top-ups')
      .set('Authorization', String(as))
      .set('Idempotency-Key', key)
      .send({ amount });
  const balanceOf = async (user: number) =>
    ((await get('/v1/balance', user)).body as { amount: string }).amount;

  it('creates users and shows them to themselves and to admins, as 404 to anyone else', async () => {
    const user = { id: ann, name: 'Ann', createdAt: TIME };
    expect((await get(`/v1/users/${ann}`, ann)).body).toEqual(user);
    expect((await get(`/v1/users/${ann}`, ADMIN)).body).toEqual(user);
    for (const [id, as] of [
      [ann, bob],
      [NOBODY, NOBODY],
      [NOBODY, ADMIN],
    ] as const) {
      expect((await get(`/v1/users/${id}`, as)).body).toMatchObject({ status: 404, code: 'USER_NOT_FOUND' });
    }
    expect((await create({ name: 'Eve' }, ann)).body).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    for (const body of [{}, { name: '  ' }, { name: 'x'.repeat(51) }, { name: 'x', id: 1 }, { name: 1 }]) {
      expect((await create(body)).body).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
    }
  });

  it('shows 0.00 before anything moved, and no balance of a user who does not exist', async () => {
    expect((await get('/v1/balance', ann)).body).toEqual({ userId: ann, amount: '0.00', updatedAt: null });
    expect((await get('/v1/balance/records', ann)).body).toEqual({ data: [], nextCursor: null });
    expect((await get('/v1/balance', NOBODY)).body).toMatchObject({ status: 404, code: 'USER_NOT_FOUND' });
  });

  it('tops up, writes the record and shows both', async () => {
    const first = await topUp(ann, 'one', '12.5');
    expect(first.status).toBe(201);
    expect(first.body).toEqual({ recordId: expect.any(Number), amount: '12.50', balance: '12.50' });
    const second = await topUp(ann, 'two', '0.01');
    expect(second.body).toMatchObject({ amount: '0.01', balance: '12.51' });
    expect((await get('/v1/balance', ann)).body).toEqual({ userId: ann, amount: '12.51', updatedAt: TIME });
    const [newest, oldest] = [second, first].map(({ body }) => ({
      id: (body as { recordId: number }).recordId,
      type: 'TOP_UP',
      amount: (body as { amount: string }).amount,
      orderId: null,
      createdAt: TIME,
    }));
    expect((await get('/v1/balance/records', ann)).body).toEqual({
      data: [newest, oldest],
      nextCursor: null,
    });
    const page = await get('/v1/balance/records?limit=1', ann);
    const { nextCursor } = page.body as { nextCursor: string };
    expect((await get(`/v1/balance/records?limit=1&cursor=${nextCursor}`, ann)).body).toEqual({
      data: [oldest],
      nextCursor: null,
    });
  });

  it('tops up once a key: the same request gets the first answer again, another one a 422', async () => {
    const first = await topUp(ann, 'once', '5');
    const again = await topUp(ann, 'once', '5');
    expect([again.status, again.text, again.headers['idempotency-replayed']]).toEqual([
      201,
      first.text,
      'true',
    ]);
    expect((await topUp(ann, 'once', '6')).body).toMatchObject({
      status: 422,
      code: 'IDEMPOTENCY_KEY_REUSED',
    });
    expect((await topUp(bob, 'once', '6')).status).toBe(201);
    expect([await balanceOf(ann), await balanceOf(bob)]).toEqual(['5.00', '6.00']);
  });

  it('writes once when a key comes several times in one commit', async () => {
    const answers = await Promise.all([
      topUp(ann, 'same', '5'),
      topUp(ann, 'same', '5'),
      topUp(ann, 'same', '5'),
      topUp(ann, 'same', '7'),
    ]);
    const done = answers.filter(({ status }) => status === 201);
    expect(new Set(done.map(({ text }) => text)).size).toBe(1);
    expect(done.filter(({ headers }) => headers['idempotency-replayed'] === undefined)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 422).length).toBe(4 - done.length);
    expect(await balanceOf(ann)).toBe(done.length === 1 ? '7.00' : '5.00');
  });

  it('keeps every cent of a crowd: each answer its own record and balance', async () => {
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, place) => topUp(place % 3 === 0 ? bob : ann, `crowd-${place}`, '1.01')),
    );
    const bodies = answers.map(({ body }) => body as { recordId: number; balance: string });
    expect(new Set(bodies.map(({ recordId }) => recordId)).size).toBe(60);
    expect([await balanceOf(ann), await balanceOf(bob)]).toEqual(['40.40', '20.20']);
    const { rows } = await pool.query<{ id: number; amount: bigint; user_id: number }>(
      `SELECT r.id, b.user_id, sum(r.amount) OVER (PARTITION BY balance_id ORDER BY r.id) AS amount
         FROM balance_records r JOIN balances b ON b.id = r.balance_id WHERE b.user_id = ANY ($1)`,
      [[ann, bob]],
    );
    // The balance each answer showed is the sum of the ledger up to the record it names.
    const running = new Map(rows.map(({ id, amount }) => [id, Number(amount) / 100]));
    for (const { recordId, balance } of bodies) expect(Number(balance)).toBe(running.get(recordId));
  });

  it('binds top-ups to the limit and burns no key with a refusal', async () => {
    await topUp(ann, 'fill', '999.99');
    const refused = await topUp(ann, 'over', '0.02');
    expect(refused.body).toMatchObject({ status: 409, code: 'BALANCE_LIMIT_EXCEEDED' });
    expect((await topUp(ann, 'over', '0.01')).body).toMatchObject({ balance: '1000.00' });
    const [one, two] = await Promise.all([topUp(bob, 'a', '600'), topUp(bob, 'b', '600')]);
    expect([one.status, two.status].sort()).toEqual([201, 409]);
  });

  it('tops up nobody who does not exist, and a refused key can be used again', async () => {
    const refused = { status: 404, code: 'USER_NOT_FOUND' };
    expect((await topUp(NOBODY, 'key')).body).toMatchObject(refused);
    expect((await topUp(NOBODY, 'key', '20.00')).body).toMatchObject(refused);
    const { rows } = await pool.query('SELECT FROM idempotency_keys WHERE subject = $1', [NOBODY]);
    expect(rows).toEqual([]);
  });

  it.each([
    '-1',
    '0',
    '0.00',
    '1e3',
    '1.005',
    'NaN',
    1.5,
    '99999999999999999',
    '10000000.00',
    '',
    null,
    '01',
  ])('refuses the amount %j', async (amount) =>
    expect((await topUp(ann, 'bad', amount)).body).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' }),
  );

  it('asks for a key', async () => {
    const answer = await request(app)
      .post('/v1/balance/top-ups')
      .set('Authorization', String(ann))
      .send({ amount: '1.00' });
    expect(answer.body).toMatchObject({ status: 400, code: 'IDEMPOTENCY_KEY_REQUIRED' });
  });

  it('answers 503 while the database is away, and goes on when it is back', async () => {
    await database.takeAway();
    const answers = [await topUp(ann, 'away'), await get('/v1/balance', ann)];
    await database.bringBack();
    for (const { status, body, headers } of answers) {
      expect([status, (body as { code: string }).code]).toEqual([503, 'UNAVAILABLE']);
      expect(headers['retry-after']).toBeDefined();
    }
    expect((await topUp(ann, 'away')).status).toBe(201);
  });

  it('reads every table with every column of its Prisma schema', async () => {
    const { user, balance, balanceRecord, orderCharge, outbox, deadLetter, idempotencyKey } = reader;
    await expect(
      Promise.all([
        user.findFirst(),
        balance.findFirst(),
        balanceRecord.findFirst(),
        orderCharge.findFirst(),
        outbox.findFirst(),
        deadLetter.findFirst(),
        idempotencyKey.findFirst(),
      ]),
    ).resolves.toHaveLength(7);
  });
});
