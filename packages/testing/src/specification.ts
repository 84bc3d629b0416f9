import { deepStrictEqual, throws } from 'node:assert/strict';

/** The pure half of a step, and how a test's givens become the state its batch starts from. */
export interface Specified<State, Given, Event, Fact> {
  readonly initial: (givens: readonly Given[]) => State;
  readonly decide: (state: State, event: Event, now: Date) => readonly Fact[];
  readonly evolve: (state: State, fact: Fact) => State;
  /** The database's time that `decide` is told. */
  readonly now?: Date;
}

/** Any part of a value: what a promise does not speak of may be left out. Arrays are named in full. */
export type Part<T> = T extends bigint | Date
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Part<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]?: Part<T[Key]> }
      : T;

/**
 * Rules as `given(rows).when(events).then(facts)`: the events are folded through decide and evolve as the kit folds a
 * batch, and exactly the expected facts come out, in order. An expected fact names what matters; the rest of it is free.
 * `thenFault(code)`: the last event throws the fault of that code.
 */
export function specification<State, Given, Event, Fact extends object>(
  rule: Specified<State, Given, Event, Fact>,
) {
  const { now = new Date('2026-01-01T00:00:00.000Z') } = rule;
  const fold = (givens: readonly Given[], events: readonly Event[]): Fact[] => {
    let state = rule.initial(givens);
    const facts: Fact[] = [];
    for (const event of events) {
      for (const fact of rule.decide(state, event, now)) {
        facts.push(fact);
        state = rule.evolve(state, fact);
      }
    }
    return facts;
  };
  return (...givens: Given[]) => ({
    when: (...events: Event[]) => ({
      then(...expected: Part<Fact>[]): void {
        const facts = fold(givens, events);
        deepStrictEqual(
          facts.map((fact, index) => (index < expected.length ? shaped(fact, expected[index]) : fact)),
          expected,
        );
      },
      thenFault(code: string): void {
        fold(givens, events.slice(0, -1));
        throws(
          () => fold(givens, events),
          (error: unknown) => error instanceof Error && 'code' in error && error.code === code,
        );
      },
    }),
  });
}

/** The part of a value that the expectation speaks of, so that a difference shows nothing else. */
function shaped(actual: unknown, expected: unknown): unknown {
  if (Array.isArray(actual) && Array.isArray(expected)) {
    return actual.map((item: unknown, index) =>
      index < expected.length ? shaped(item, expected[index]) : item,
    );
  }
  if (isRecord(actual) && isRecord(expected)) {
    return Object.fromEntries(Object.keys(expected).map((key) => [key, shaped(actual[key], expected[key])]));
  }
  return actual;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
