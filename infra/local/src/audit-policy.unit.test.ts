import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { judgeAudit, readAudit, type Advisory, type AuditException } from './audit-policy.ts';
import { ROOT } from './settings.ts';

const TODAY = '2026-11-22';
const ID = 'GHSA-aaaa-bbbb-cccc';

function hole(severity: Advisory['severity']): Advisory {
  return { id: ID, package: 'left-pad', severity, title: 'Pads too much' };
}

const exception = (until: string): AuditException => ({ advisory: ID, reason: 'pads nothing here', until });

describe('the audit policy', () => {
  it.each([
    ['runtime', 'critical', true],
    ['runtime', 'high', true],
    ['runtime', 'moderate', false],
    ['development', 'critical', true],
    ['development', 'high', false],
  ] as const)('of %s: a %s hole fails the check: %s', (part, severity, fails) => {
    const all = [hole(severity)];
    const { failures, borne } = judgeAudit(part === 'runtime' ? all : [], all, [], TODAY);
    expect([failures.length, borne.length]).toEqual(fails ? [1, 0] : [0, 1]);
    expect([...failures, ...borne][0]).toContain(`${ID} ${severity} in left-pad (${part})`);
  });

  it('bears with an exception up to its last day, and names its reason', () => {
    const all = [hole('critical')];
    expect(judgeAudit(all, all, [exception(TODAY)], TODAY)).toEqual({
      failures: [],
      borne: [expect.stringContaining('pads nothing here')],
    });
    const [failure] = judgeAudit(all, all, [exception('2026-11-21')], TODAY).failures;
    expect(failure).toContain('its exception ended on 2026-11-21');
  });

  it('has no exceptions in stock', () => {
    expect(judgeAudit([], [], [exception('2027-01-01')], TODAY).failures).toEqual([
      `the exception for ${ID} meets nothing: remove it`,
    ]);
  });

  it('reads advisories once each, whatever leads to them', () => {
    const via = { source: 1, name: 'left-pad', title: 'Pads', severity: 'high', url: `https://x/${ID}` };
    const vulnerabilities = {
      'left-pad': { via: [via] },
      right: { via: ['left-pad'] },
      twice: { via: [via] },
    };
    expect(readAudit(JSON.stringify({ auditReportVersion: 2, vulnerabilities }))).toEqual({
      advisories: [{ id: ID, package: 'left-pad', severity: 'high', title: 'Pads' }],
    });
  });

  it.each([
    ['{"message":"405 Method Not Allowed","error":{"summary":"","detail":""}}', '405 Method Not Allowed'],
    ['{"error":{"code":"ENOAUDIT","summary":"the registry knows no audit"}}', 'the registry knows no audit'],
    ['npm error network', 'npm error network'],
    ['', 'npm audit says nothing'],
  ])('is no judgement when the registry does not answer: %s', (text, unavailable) => {
    expect(readAudit(text)).toEqual({ unavailable });
  });

  it('has a list of exceptions in which each has an id, a reason and an end', () => {
    const text = readFileSync(join(ROOT, 'infra', 'local', 'audit-exceptions.json'), 'utf8');
    for (const one of JSON.parse(text) as AuditException[]) {
      expect(one).toEqual({
        advisory: expect.stringMatching(/^GHSA-|^\d+$/),
        reason: expect.stringMatching(/.{20}/),
        until: expect.stringMatching(/^20\d\d-\d\d-\d\d$/),
      });
    }
  });
});
