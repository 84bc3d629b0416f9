import { describe, expect, it } from '@jest/globals';
import { planDetours, PORT_NAMES, planPorts, portVariable } from './ports.ts';

describe('planPorts', () => {
  it('gives the documented ports when nothing is set', () => {
    const ports = planPorts({});
    expect(ports).toMatchObject({ gateway: 8080, 'user-balance': 8085, 'gateway-internal': 9080 });
    expect(ports).toMatchObject({ postgres: 5442, kafka: 9192, redis: 6479 });
  });

  it('moves every port by the offset', () => {
    const [plain, moved] = [planPorts({}), planPorts({ ORDERFLOW_PORT_OFFSET: '100' })];
    for (const name of PORT_NAMES) expect(moved[name]).toBe(plain[name] + 100);
  });

  it('takes a port of its own as it is, without the offset', () => {
    const ports = planPorts({ ORDERFLOW_PORT_OFFSET: '100', ORDERFLOW_USER_BALANCE_PORT: '7000' });
    expect(ports['user-balance']).toBe(7000);
  });

  it('names every variable that is not a port, all at once', () => {
    const plan = () =>
      planPorts({ ORDERFLOW_PORT_OFFSET: '1e3', ORDERFLOW_REDIS_PORT: '0', ORDERFLOW_KAFKA_PORT: 'x' });
    expect(plan).toThrow(/ORDERFLOW_PORT_OFFSET[^]*ORDERFLOW_KAFKA_PORT[^]*ORDERFLOW_REDIS_PORT/);
    expect(plan).toThrow(expect.objectContaining({ exitCode: 78 }));
  });

  it('refuses two users of one port', () => {
    expect(() => planPorts({ ORDERFLOW_GATEWAY_PORT: '8081' })).toThrow(
      'ORDERFLOW_ORDER_PORT and ORDERFLOW_GATEWAY_PORT are both 8081',
    );
  });

  it('refuses a port that HTTP clients refuse: the gateway could not read its own keys', () => {
    expect(() => planPorts({ ORDERFLOW_PORT_OFFSET: '2000' })).toThrow(
      'ORDERFLOW_GATEWAY_PORT is 10080, a port that HTTP clients refuse',
    );
  });

  it('names the variable of each port', () => {
    expect(portVariable('user-balance-internal')).toBe('ORDERFLOW_USER_BALANCE_INTERNAL_PORT');
  });
});

describe('planDetours', () => {
  it('gives none when nothing is set, and each port that is', () => {
    expect(planDetours({})).toEqual({});
    expect(planDetours({ ORDERFLOW_KAFKA_VIA_PORT: '7001', ORDERFLOW_POSTGRES_VIA_PORT: '7002' })).toEqual({
      kafka: 7001,
      postgres: 7002,
    });
  });

  it('names every variable that is not a port', () => {
    const plan = () => planDetours({ ORDERFLOW_KAFKA_VIA_PORT: 'x', ORDERFLOW_POSTGRES_VIA_PORT: '0' });
    expect(plan).toThrow(/ORDERFLOW_KAFKA_VIA_PORT[^]*ORDERFLOW_POSTGRES_VIA_PORT/);
  });
});
