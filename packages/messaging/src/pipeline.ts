import type pg from 'pg';

/** Above `statement_timeout`: an answer that has not come by then is not going to, as when the host has vanished. */
const ANSWER_TIMEOUT_MS = 8_000;

/** A statement that travels with the COMMIT. */
export interface Sent<Row> {
  /** Its answer. @throws Error before the transaction has committed */
  readonly rows: readonly Row[];
}

/** The first statement that failed, by what it failed with. */
export interface Failure {
  readonly error: unknown;
}

/**
 * The statements of one transaction on a connection in pg's pipeline mode, where the next one is sent before the last
 * one is answered. The server runs them one by one in that order, each on its own snapshot, and after one that failed it
 * refuses the rest, COMMIT included: that one then rolls back. What is sent in one turn of the event loop is one write.
 */
export class Pipeline {
  readonly #client: pg.PoolClient;
  readonly #answers = new Set<Promise<unknown>>();
  readonly #overdue: Promise<never>;
  readonly #timer: NodeJS.Timeout;
  #held: (() => Promise<unknown>)[] = [];
  #corked = false;
  #failure: Failure | null = null;
  #broken = false;

  constructor(client: pg.PoolClient) {
    this.#client = client;
    let giveUp: (error: Error) => void = () => undefined;
    this.#overdue = new Promise<never>((_, reject) => (giveUp = reject));
    this.#overdue.catch(() => undefined);
    this.#timer = setTimeout(() => {
      if (this.#answers.size === 0) return;
      this.#broken = true;
      giveUp(new Error(`no answer within ${ANSWER_TIMEOUT_MS} ms`));
    }, ANSWER_TIMEOUT_MS);
    client.once('error', this.#markBroken);
  }

  /** Whether the connection is of no more use. */
  get broken(): boolean {
    return this.#broken;
  }

  /** What the first statement that failed failed with; null when none has. */
  get failure(): Failure | null {
    return this.#failure;
  }

  /** Sends a statement, after those that were held back. */
  ask<Answer>(query: string | pg.QueryConfig): Promise<Answer> {
    void this.#sendHeld();
    return this.#send<Answer>(query);
  }

  /** Holds a statement back until the next one is asked. */
  hold<Row extends object>(query: pg.QueryConfig): Sent<Row> {
    let answer: { readonly rows: readonly Row[] } | null = null;
    this.#held.push(async () => {
      answer = await this.#send<{ readonly rows: readonly Row[] }>(query);
    });
    return {
      get rows() {
        if (answer === null)
          throw new Error('a statement that travels with the COMMIT has no answer before it');
        return answer.rows;
      },
    };
  }

  /** Sends what was held back, and COMMIT behind it. @throws what the first statement that failed failed with */
  async commit(): Promise<void> {
    const held = this.#sendHeld();
    const commit = this.#send<pg.QueryResult>('COMMIT');
    await Promise.all(held);
    const { command } = await commit;
    if (command !== 'COMMIT') throw new Error('the transaction had failed before COMMIT');
  }

  /** Drops what was held back and rolls back once all is answered; a connection that cannot is broken. Never throws. */
  async rollback(): Promise<void> {
    this.#held = [];
    await Promise.allSettled(this.#answers);
    if (!this.#broken) await this.#send('ROLLBACK').catch(this.#markBroken);
  }

  /** Gives the connection back. @param unusable true for one that must not be used again though it is not broken */
  release(unusable: boolean): void {
    clearTimeout(this.#timer);
    this.#client.removeListener('error', this.#markBroken);
    this.#client.release(unusable || this.#broken);
  }

  readonly #markBroken = (): void => {
    this.#broken = true;
  };

  #sendHeld(): Promise<unknown>[] {
    const held = this.#held.map((send) => send());
    this.#held = [];
    // Each failure is known as `failure`; the promises may be nobody's.
    for (const answer of held) answer.catch(() => undefined);
    return held;
  }

  #send<Answer>(query: string | pg.QueryConfig): Promise<Answer> {
    this.#corkForThisTurn();
    const answer = Promise.race([this.#client.query(query as string), this.#overdue]) as Promise<Answer>;
    this.#answers.add(answer);
    this.#timer.refresh();
    answer.then(
      () => this.#answered(answer),
      (error: unknown) => {
        this.#failure ??= { error };
        this.#answered(answer);
      },
    );
    return answer;
  }

  #answered(answer: Promise<unknown>): void {
    this.#answers.delete(answer);
    this.#timer.refresh();
  }

  #corkForThisTurn(): void {
    if (this.#corked) return;
    this.#corked = true;
    const { stream } = this.#client.connection;
    stream.cork();
    process.nextTick(() => {
      this.#corked = false;
      stream.uncork();
    });
  }
}
