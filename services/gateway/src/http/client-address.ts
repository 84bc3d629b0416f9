import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv6 } from 'node:net';

/** Which of the addresses in front of the gateway are proxies whose X-Forwarded-For is believed. */
export interface TrustedProxies {
  /** True when the `hop`-th address from the gateway, 0 being its own peer, is such a proxy. */
  trusts(address: string, hop: number): boolean;
}

export const noProxies: TrustedProxies = { trusts: () => false };

/**
 * Reads TRUST_PROXY: a number of proxies in front ("1"), or their networks ("10.0.0.0/8, fd00::/8, 192.0.2.7").
 * @returns null when it is neither
 */
export function parseTrustedProxies(text: string): TrustedProxies | null {
  if (/^\d{1,2}$/.test(text)) return { trusts: (_address, hop) => hop < Number(text) };
  const networks = new BlockList();
  for (const part of text.split(',')) {
    const [, network = '', bits] = /^\s*([0-9a-fA-F.:]+)(?:\/(\d{1,3}))?\s*$/.exec(part) ?? [];
    const version = isIP(network);
    const most = version === 6 ? 128 : 32;
    const prefix = Number(bits ?? most);
    if (version === 0 || prefix > most) return null;
    networks.addSubnet(network, prefix, version === 6 ? 'ipv6' : 'ipv4');
  }
  return { trusts: (address) => networks.check(address, isIPv6(address) ? 'ipv6' : 'ipv4') };
}

/**
 * Who is counted as one caller by address: an IPv4 address, or the /64 an IPv6 address lies in, since one subscriber
 * has all of it. Taken from the connection; X-Forwarded-For counts only as far as trusted proxies wrote it.
 */
export function addressGroupOf(request: IncomingMessage, proxies: TrustedProxies): string {
  let address = plain(request.socket.remoteAddress ?? '');
  const { 'x-forwarded-for': forwarded } = request.headers;
  if (forwarded !== undefined && proxies !== noProxies) {
    const told = String(forwarded).split(',');
    for (let hop = 0; told.length > 0 && proxies.trusts(address, hop); hop += 1) {
      const before = plain(told.pop() ?? '');
      // What no proxy would write was written by the caller.
      if (isIP(before) === 0) break;
      address = before;
    }
  }
  return isIPv6(address) ? networkOf(address) : address;
}

/** An address without port, brackets, zone and the IPv4-in-IPv6 prefix. */
function plain(text: string): string {
  const trimmed = text.trim();
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(trimmed)?.[1] ?? /^([\d.]+):\d+$/.exec(trimmed)?.[1] ?? trimmed;
  const [withoutZone = ''] = bare.split('%');
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(withoutZone)?.[1] ?? withoutZone;
}

/** The first four groups of an IPv6 address, written one way only. */
function networkOf(address: string): string {
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':');
    // An IPv4 part at the end stands for two groups.
    const length = after.length + (after.at(-1)?.includes('.') ? 1 : 0);
    while (groups.length + length < 8) groups.push('0');
    groups.push(...after);
  }
  const network = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
}
