/** What a test does to this process's clocks: the machine's time and the steady one. */
export interface MovedClocks {
  /** Both go on by so many seconds, for everybody in this process. */
  pass(seconds: number): void;
  /** The machine's time is set, forward or back; the steady clock goes on as before. */
  set(bySeconds: number): void;
  /** As they truly are again. */
  restore(): void;
}

/** Takes over `Date.now` (not `new Date()`) and `performance.now`; timers are the system's and go on as before. */
export function moveClocks(): MovedClocks {
  const [date, steady] = [Date.now, performance.now.bind(performance)];
  let dateMs = 0;
  let steadyMs = 0;
  Date.now = () => date() + dateMs;
  performance.now = () => steady() + steadyMs;
  return {
    pass(seconds) {
      dateMs += seconds * 1_000;
      steadyMs += seconds * 1_000;
    },
    set: (bySeconds) => void (dateMs += bySeconds * 1_000),
    restore() {
      Date.now = date;
      performance.now = steady;
    },
  };
}
