import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { moveClocks, type MovedClocks } from '@orderflow/testing/moved-clocks';
import { waitUntil } from '@orderflow/testing/wait-until';
import request from 'supertest';
import { runGateway, type RunningGateway } from './running-gateway.test.ts';

describe('a gateway whose issuer changes its keys', () => {
  let clocks: MovedClocks;
  let gateway: RunningGateway;

  beforeEach(async () => {
    clocks = moveClocks();
    gateway = await runGateway();
    await waitUntil(async () => (await request(gateway.internalUrl).get('/readyz')).status === 200);
  });
  afterEach(async () => {
    clocks.restore();
    await gateway.close();
  });

  const pass = (seconds: number) => clocks.pass(seconds);
  let serial = 0;
  const ask = async (kid: string) => {
    const authorization = gateway.issuer.authorization(kid, { jti: String((serial += 1)) });
    return (await request(gateway.url).get('/v1/orders').set('Authorization', authorization)).status;
  };

  it('takes the new key with one fetch, the old one while it is published, and refuses it afterwards', async () => {
    const { issuer } = gateway;
    issuer.addKey('second');
    pass(11);
    expect([await ask('second'), await ask('first')]).toEqual([200, 200]);
    issuer.withdrawKey('first');
    pass(601);
    expect([await ask('first'), await ask('second')]).toEqual([401, 200]);
    expect(issuer.asked()).toBe(3);
  });

  it('goes on while the issuer is away', async () => {
    gateway.issuer.up(false);
    pass(601);
    expect([await ask('first'), await ask('first')]).toEqual([200, 200]);
    await request(gateway.internalUrl).get('/readyz').expect(200);
  });

  it('lets no flood of unknown key ids through, to the issuer or to a service', async () => {
    const { issuer } = gateway;
    issuer.addKey('unpublished');
    issuer.withdrawKey('unpublished');
    pass(11);
    const statuses = await Promise.all(Array.from({ length: 50 }, () => ask('unpublished')));
    expect(new Set(statuses)).toEqual(new Set([401]));
    expect(issuer.asked()).toBe(2);
    expect(gateway.seen).toHaveLength(0);
  });
});
