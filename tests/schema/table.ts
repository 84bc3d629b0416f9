/** A column as both sides tell it: the type as Postgres spells it in a definition, `numeric(17,2)`, `bigint[]`. */
export interface Column {
  readonly type: string;
  readonly nullable: boolean;
  /** A default of any kind, an identity included. What it says is for the migration alone. */
  readonly hasDefault: boolean;
}

export interface ForeignKey {
  readonly columns: readonly string[];
  readonly table: string;
  readonly referenced: readonly string[];
}

export interface Table {
  readonly columns: Readonly<Record<string, Column>>;
  readonly primaryKey: readonly string[];
  /** Column lists, sorted; the order within a list is the constraint's. */
  readonly uniques: readonly (readonly string[])[];
  readonly foreignKeys: readonly ForeignKey[];
  /** Plain indexes over whole columns; expression, partial and BRIN indexes are the migration's alone. */
  readonly indexes: readonly (readonly string[])[];
}

/** By name. */
export type Tables = Readonly<Record<string, Table>>;

/** Lists in one order, so that two tellings of a table can be compared. */
export function sorted<Item>(items: readonly Item[]): Item[] {
  return [...items].sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
}
