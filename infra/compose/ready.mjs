// Health check of the service images: 0 when the process says it is ready.
const port = process.env.INTERNAL_PORT;
const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
process.exit(answer?.ok ? 0 : 1);
