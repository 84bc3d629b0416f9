/** The form of money in requests and settings: "12", "12.5", "12.50"; no sign, no exponent, no leading zero. */
export const amountPattern = /^(0|[1-9]\d{0,14})(\.\d{1,2})?$/;

/** Reads text that matches `amountPattern` into minor units: "12.5" is 1250n. */
export function readAmount(text: string): bigint {
  const [whole = '0', cents = ''] = text.split('.');
  return BigInt(whole) * 100n + BigInt(cents.padEnd(2, '0'));
}
