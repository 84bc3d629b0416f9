import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { addressGroupOf, noProxies, parseTrustedProxies } from './client-address.ts';

function groupOf(peer: string, forwarded?: string, trust?: string): string {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  const request = { socket: { remoteAddress: peer }, headers } as unknown as IncomingMessage;
  const proxies = trust === undefined ? noProxies : parseTrustedProxies(trust);
  if (!proxies) throw new Error(`${trust} is no setting`);
  return addressGroupOf(request, proxies);
}

describe('a caller’s address', () => {
  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002:ffff::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.33', '64:ff9b:0:0::/64'],
  ])('%s counts as %s', (peer, group) => {
    expect(groupOf(peer)).toBe(group);
  });

  it.each([
    ['nobody is trusted unless set', '10.0.0.1', '203.0.113.9', undefined, '10.0.0.1'],
    ['one proxy tells who called it', '10.0.0.1', '203.0.113.9', '1', '203.0.113.9'],
    ['what stands before was written by the caller', '10.0.0.1', '1.1.1.1, 203.0.113.9', '1', '203.0.113.9'],
    ['two proxies', '10.0.0.1', '1.1.1.1, 203.0.113.9, 10.0.0.2', '2', '203.0.113.9'],
    ['fewer told than trusted', '10.0.0.1', '203.0.113.9', '3', '203.0.113.9'],
    ['a network of proxies', '10.0.0.1', '1.1.1.1, 203.0.113.9, 10.0.0.2', '10.0.0.0/8', '203.0.113.9'],
    ['a peer outside the network', '203.0.113.1', '1.1.1.1', '10.0.0.0/8', '203.0.113.1'],
    ['a peer told as IPv4 in IPv6', '::ffff:10.0.0.1', '203.0.113.9', '10.0.0.0/8', '203.0.113.9'],
    ['IPv6 networks', 'fd00::1', '2001:db8::9', 'fd00::/8, 10.0.0.0/8', '2001:db8:0:0::/64'],
    ['a port', '10.0.0.1', '203.0.113.9:4711', '1', '203.0.113.9'],
    ['brackets and a port', '10.0.0.1', '[2001:db8::9]:4711', '1', '2001:db8:0:0::/64'],
    ['junk is nobody’s address', '10.0.0.1', '203.0.113.9, <script>', '2', '10.0.0.1'],
    ['an empty header', '10.0.0.1', '', '1', '10.0.0.1'],
  ])('behind proxies: %s', (_what, peer, forwarded, trust, group) => {
    expect(groupOf(peer, forwarded, trust)).toBe(group);
  });

  it.each(['loopback', '10.0.0.0/33', '-1', '10.0.0', '1,2', '10.0.0.1;', '100'])(
    'TRUST_PROXY=%s is refused',
    (text) => {
      expect(parseTrustedProxies(text)).toBeNull();
    },
  );
});
