import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createMetrics } from '@orderflow/service-runtime/metrics';
import request from 'supertest';
import { registerGauges } from './gauges.ts';
import { operatorRoutes } from './operations.ts';
import { openOperated, type OperatedService } from './operated-under-test.test.ts';

describe("a service's operator routes", () => {
  let service: OperatedService;
  beforeAll(async () => {
    service = await openOperated();
  });
  afterAll(() => service.close());
  beforeEach(() => service.clear());

  it('are for operators only', async () => {
    for (const { method, path } of operatorRoutes(service.operated)) {
      const url = path.replace('{service}', 'payment').replace('{id}', '1').replace('{step}', 'payment.note');
      const call = method === 'GET' ? request(service.app).get(url) : request(service.app).post(url).send({});
      const { status, body } = await call.set('Authorization', 'user');
      expect([url, status, body.code]).toEqual([url, 403, 'FORBIDDEN']);
    }
  });

  it('tell the state of the outbox and the lag of the steps', async () => {
    expect((await service.get('/v1/ops/outbox')).body).toEqual({
      data: [
        {
          service: 'payment',
          pendingRows: 2,
          oldestAgeSeconds: 3.5,
          publishedPerSecond: 7,
          failingSince: '2026-11-22T10:00:00.000Z',
        },
      ],
      nextCursor: null,
      unavailable: [],
    });
    const line = { step: 'payment.note', topic: 'order-created', partition: 0, lag: 4, endOffset: '9' };
    service.lag.mockResolvedValueOnce([
      { ...line, committedOffset: '5', ratePerSecond: 2, catchUpSeconds: null },
    ]);
    expect((await service.get('/v1/ops/lag')).body.data).toEqual([
      { service: 'payment', ...line, committedOffset: '5', ratePerSecond: 2, catchUpSeconds: null },
    ]);
    service.lag.mockRejectedValueOnce(Object.assign(new Error('broker away'), { code: 'BROKER_AWAY' }));
    expect((await service.get('/v1/ops/lag')).status).toBe(503);
  });

  it('resume a step by name, and write it down', async () => {
    expect((await service.post('/v1/ops/steps/payment.note/resume', {})).status).toBe(202);
    expect(service.resumed).toEqual(['payment.note']);
    const unknown = await service.post('/v1/ops/steps/payment.unknown/resume', {});
    expect([unknown.status, unknown.body.code]).toEqual([404, 'STEP_NOT_FOUND']);
    expect(await service.actions()).toEqual([
      { subject: 9, action: 'steps.resume', request: { step: 'payment.note' }, outcome: { resumed: true } },
    ]);
  });

  it('show the books: violations with ten examples, totals, what is unpublished', async () => {
    await service.owner.query(
      `INSERT INTO payments (user_id, order_id, amount, kind)
       SELECT 1, o, -1, 'REFUND' FROM generate_series(1, 12) o UNION ALL SELECT 1, 99, 20.5, 'PAYMENT'`,
    );
    await service.owner.query(`INSERT INTO outbox (messages) VALUES ('[]')`);
    const { body } = await service.get('/v1/ops/reconciliation');
    expect(body).toMatchObject({ ok: false, atRest: false, totalsAgree: null, unavailable: [] });
    const [books] = body.services;
    expect(books).toMatchObject({
      service: 'payment',
      totals: [{ name: 'payments', amount: '8.50' }],
      unpublishedRows: 1,
      openOrders: null,
    });
    expect(books.invariants[0]).toMatchObject({ id: 'I6', checked: 13, violations: 12 });
    expect(books.invariants[0].examples).toHaveLength(10);
    expect(books.invariants[0].examples[0]).toEqual({ subject: 'order 1', row: { amount: '-1.00' } });
  });

  it('read the books without a way to write them', async () => {
    await expect(service.reports.query('DELETE FROM outbox')).rejects.toThrow('read-only transaction');
    const { rows } = await service.reports.query('SHOW transaction_isolation');
    expect(rows).toEqual([{ transaction_isolation: 'repeatable read' }]);
  });

  it('keep the record of actions from the service itself', async () => {
    for (const sql of [
      'UPDATE operator_actions SET subject = 1',
      'DELETE FROM operator_actions',
      'TRUNCATE operator_actions',
    ]) {
      await expect(service.pool.query(sql)).rejects.toThrow('permission denied');
    }
  });

  it('have their figures in the metrics, and none while a backend does not tell them', async () => {
    await service.parked([1, 2]);
    const metrics = createMetrics('payment');
    registerGauges(metrics, service.operated);
    const line = { step: 'payment.note', topic: 'order-created', partition: 3, lag: 4, endOffset: '9' };
    service.lag.mockResolvedValueOnce([
      { ...line, committedOffset: '5', ratePerSecond: 2, catchUpSeconds: 1 },
    ]);
    const text = await metrics.registry.metrics();
    expect(text).toContain('outbox_pending_messages{service="payment"} 2');
    expect(text).toContain('outbox_oldest_pending_age_seconds{service="payment"} 3.5');
    expect(text).toContain('dead_letters{step="payment.note",reason="FAULT",service="payment"} 2');
    expect(text).toContain(
      'kafka_consumergroup_lag{consumergroup="payment.note",topic="order-created",partition="3",service="payment"} 4',
    );
    service.lag.mockRejectedValueOnce(new Error('broker away'));
    expect(await metrics.registry.metrics()).not.toContain('kafka_consumergroup_lag{');
  });
});
