/**
 * Loaded before a service (`node --import`), whose process then has a clock that jumps: `Date` alone, since timers follow
 * the machine's steady one.
 */
const DAY_MS = 24 * 60 * 60 * 1_000;
const JUMP_EVERY_MS = 1_500;

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

setInterval(() => (shiftMs = Math.round((Math.random() * 2 - 1) * DAY_MS)), JUMP_EVERY_MS).unref();
