/**
 * Loaded before a service (`node --import`), whose process then has a clock that jumps: `Date` alone, since timers follow
 * the machine's steady one.
 */
const DAY_MS = 24 * 60 * 60 * 1_000;
/** Long enough to join a group in between: kafkajs takes its time-outs from `Date`. */
const JUMP_EVERY_MS = 3_000;

const RealDate = Date;
let shiftMs = 0;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, given: []) =>
    given.length === 0 ? new target(target.now() + shiftMs) : new target(...given),
  get(target, name) {
    if (name === 'now') return () => target.now() + shiftMs;
    const value: unknown = Reflect.get(target, name);
    return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
  },
});

setInterval(() => {
  shiftMs = Math.round((Math.random() * 2 - 1) * DAY_MS);
  process.stdout.write(`{"clock":"${new Date().toISOString()}"}\n`);
}, JUMP_EVERY_MS).unref();
