const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes as operators see them: text when they are UTF-8, byte for byte, otherwise base64. */
export function showBytes(bytes: Uint8Array): { encoding: 'utf8' | 'base64'; text: string } {
  try {
    return { encoding: 'utf8', text: utf8.decode(bytes) };
  } catch {
    return { encoding: 'base64', text: Buffer.from(bytes).toString('base64') };
  }
}
