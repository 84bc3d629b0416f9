import { describe, expect, it } from '@jest/globals';
import { createCircuit } from './circuit.ts';

describe('the circuit of a service', () => {
  function circuit() {
    let at = 10_000;
    const made = createCircuit(() => at);
    const fail = (times: number) => {
      for (let time = 0; time < times; time += 1) made.failed(at);
    };
    return { ...made, fail, pass: (ms: number) => void (at += ms), now: () => at };
  }

  it('opens after five requests in a row without an answer', () => {
    const { admits, fail, answered, pass, isOpen } = circuit();
    fail(4);
    answered();
    pass(1);
    fail(4);
    expect([isOpen(), admits()]).toEqual([false, true]);
    fail(1);
    expect([isOpen(), admits()]).toEqual([true, false]);
  });

  it('lets one request a second through while it is open, and closes with the first answer', () => {
    const { admits, fail, answered, pass, isOpen } = circuit();
    fail(5);
    pass(999);
    expect(admits()).toBe(false);
    pass(1);
    expect([admits(), admits()]).toEqual([true, false]);
    // A try that gets no answer itself does not hold up the next.
    pass(1_000);
    expect([admits(), admits()]).toEqual([true, false]);
    answered();
    expect([isOpen(), admits(), admits()]).toEqual([false, true, true]);
  });

  it('hears nothing from requests that began before the last answer', () => {
    const { answered, failed, pass, now, isOpen } = circuit();
    const before = now();
    pass(1);
    answered();
    for (let time = 0; time < 50; time += 1) failed(before);
    expect(isOpen()).toBe(false);
  });
});
