import type pg from 'pg';
import { sorted, type Column, type ForeignKey, type Tables } from './table.ts';

interface ColumnRow {
  readonly table_name: string;
  readonly column_name: string;
  readonly data_type: string;
  readonly udt_name: string;
  readonly character_maximum_length: number | null;
  readonly numeric_precision: number | null;
  readonly numeric_scale: number | null;
  readonly datetime_precision: number | null;
  readonly is_nullable: 'YES' | 'NO';
  readonly has_default: boolean;
}

interface KeyRow {
  readonly table: string;
  readonly type: 'p' | 'u' | 'f' | 'index';
  readonly columns: string[];
  readonly other: string | null;
  readonly referenced: string[];
}

const COLUMNS = `
SELECT table_name, column_name, data_type, udt_name, character_maximum_length, numeric_precision, numeric_scale,
       datetime_precision, is_nullable, column_default IS NOT NULL OR is_identity = 'YES' AS has_default
  FROM information_schema.columns
 WHERE table_schema = 'public' AND table_name <> '_prisma_migrations'
 ORDER BY table_name, ordinal_position`;

/** Constraints from pg_constraint: information_schema loses the pairing of a key's columns. */
const KEYS = `
WITH named AS (
  SELECT attrelid, attnum, attname::text AS name FROM pg_attribute WHERE attnum > 0)
SELECT c.conrelid::regclass::text AS table, c.contype::text AS type,
       ARRAY(SELECT name FROM unnest(c.conkey) WITH ORDINALITY k (attnum, place) JOIN named USING (attnum)
              WHERE attrelid = c.conrelid ORDER BY place) AS columns,
       nullif(c.confrelid, 0)::regclass::text AS other,
       ARRAY(SELECT name FROM unnest(c.confkey) WITH ORDINALITY k (attnum, place) JOIN named USING (attnum)
              WHERE attrelid = c.confrelid ORDER BY place) AS referenced
  FROM pg_constraint c WHERE c.connamespace = 'public'::regnamespace AND c.contype IN ('p', 'u', 'f')
UNION ALL
SELECT i.indrelid::regclass::text, 'index',
       ARRAY(SELECT name FROM unnest(i.indkey) WITH ORDINALITY k (attnum, place) JOIN named USING (attnum)
              WHERE attrelid = i.indrelid ORDER BY place),
       NULL, '{}'
  FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
 WHERE x.relnamespace = 'public'::regnamespace AND NOT i.indisunique AND m.amname = 'btree'
   AND i.indpred IS NULL AND i.indexprs IS NULL`;

/** Reads the tables of the schema `public` as Postgres tells them. */
export async function readTables(client: pg.Client): Promise<Tables> {
  const { rows: columns } = await client.query<ColumnRow>(COLUMNS);
  const { rows: keys } = await client.query<KeyRow>(KEYS);
  const tables = [...new Set(columns.map(({ table_name }) => table_name))];
  return Object.fromEntries(
    tables
      .map((table) => ({ table, own: keys.filter((key) => key.table === table) }))
      .map(({ table, own }) => [
        table,
        {
          columns: Object.fromEntries(
            columns.filter((row) => row.table_name === table).map((row) => [row.column_name, columnOf(row)]),
          ),
          primaryKey: columnsOf(own, 'p').flat(),
          uniques: sorted(columnsOf(own, 'u')),
          foreignKeys: sorted(own.filter(({ type }) => type === 'f').map(foreignKeyOf)),
          indexes: sorted(columnsOf(own, 'index')),
        },
      ]),
  );
}

function columnsOf(keys: readonly KeyRow[], type: KeyRow['type']): string[][] {
  return keys.filter((key) => key.type === type).map(({ columns }) => columns);
}

function foreignKeyOf({ columns, other, referenced }: KeyRow): ForeignKey {
  return { columns, table: other ?? '', referenced };
}

/** Elements of arrays, as `udt_name` names them. */
const ELEMENTS: Readonly<Record<string, string>> = { _int8: 'bigint', _text: 'text' };

function columnOf(row: ColumnRow): Column {
  return { type: typeOf(row), nullable: row.is_nullable === 'YES', hasDefault: row.has_default };
}

function typeOf(row: ColumnRow): string {
  switch (row.data_type) {
    case 'ARRAY':
      return `${ELEMENTS[row.udt_name] ?? row.udt_name}[]`;
    case 'character varying':
      return `character varying(${row.character_maximum_length})`;
    case 'numeric':
      return `numeric(${row.numeric_precision},${row.numeric_scale})`;
    case 'timestamp with time zone':
      return `timestamp(${row.datetime_precision}) with time zone`;
    default:
      return row.data_type;
  }
}
