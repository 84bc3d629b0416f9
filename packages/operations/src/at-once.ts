/** The same work for all who ask while it runs. */
export function shared<Value>(work: () => Promise<Value>): () => Promise<Value> {
  let running: Promise<Value> | null = null;
  return () => (running ??= work().finally(() => (running = null)));
}
