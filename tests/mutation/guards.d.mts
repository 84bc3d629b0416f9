/** One line of the code, or a few, that keeps a promise; what the code looks like without it; who is to notice. */
export interface Guard {
  /** Unique: `<where>.<what>`. */
  readonly name: string;
  /** The promise, as the end of "it guards that …". */
  readonly promise: string;
  /** From the repository's root. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly text: string;
  readonly replacement: string;
  /** Test files, from the repository's root; one of them must go red. */
  readonly suites: readonly string[];
  /** Title of the test that is to notice, where others of its suite would wait long for what does not come. */
  readonly test?: string;
}

export const GUARDS: readonly Guard[];
