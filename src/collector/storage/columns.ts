/** The columns of `pings`: three that the collector adds, then all properties of the ping, in its order. */
import { DataTypes, type DataType } from 'sequelize'
import type { TSchema } from 'typebox'
import { pingProperties } from '../../telemetry/ping.js'

/** One column: its name, its path in the receipt, its type, and a function that converts a value for it. */
export interface Column {
  name: string
  path: readonly string[]
  type: DataType
  keep: (value: unknown) => Value
}

export type Value = string | number | null

/** The values of one row, in the order of `columns`. */
export type Row = Value[]

/** Returns the position of a column in a row. @throws Error if there is no such column */
export function positionOf (name: string): number {
  const position = columns.findIndex((column) => column.name === name)
  if (position < 0) throw new Error(`pings has no column ${name}`)
  return position
}

/** A row as it is answered and shown: in the shape of the ping, with the properties that the collector adds. */
export interface Receipt {
  /** ISO 8601, UTC. */
  receivedAt: string
  /** HMAC-SHA-256, 64 hexadecimal digits. */
  addressHash: string
  idempotencyKey: string | null
  [property: string]: unknown
}

const asItIs = (value: unknown) => (value ?? null) as Value

export const receiptColumns: readonly Column[] = [
  // Milliseconds since 1970, so that SQLite and PostgreSQL compute days in the same way, by division.
  { name: 'received_at', path: ['receivedAt'], type: DataTypes.BIGINT, keep: asItIs },
  { name: 'address_hash', path: ['addressHash'], type: DataTypes.CHAR(64), keep: asItIs },
  { name: 'idempotency_key', path: ['idempotencyKey'], type: DataTypes.STRING(128), keep: asItIs }
]

export const pingColumns: readonly Column[] = pingProperties.map(({ path, schema }) => ({
  name: path.replaceAll('.', '_').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  path: path.split('.'),
  type: columnType(path, schema),
  keep: foldUnknownName(schema)
}))

export const columns: readonly Column[] = [...receiptColumns, ...pingColumns]

function columnType (path: string, schema: TSchema): DataType {
  if (path === 'instanceId') return DataTypes.UUID
  return 'type' in schema && schema.type === 'integer' ? DataTypes.INTEGER : DataTypes.STRING(128)
}

/** Replaces a name outside a property's fixed set by `other`, because it could identify its owner. */
function foldUnknownName (schema: TSchema): Column['keep'] {
  if (!('enum' in schema)) return asItIs
  const names = new Set(schema.enum as unknown[])
  return (value) => value === undefined || value === null || names.has(value) ? asItIs(value) : 'other'
}

/** Builds the row of a validated ping. Drops unknown properties; absent ones are null. */
export function rowOf (ping: object, receivedAt: number, addressHash: string, idempotencyKey: string | null): Row {
  return [receivedAt, addressHash, idempotencyKey, ...pingColumns.map(({ path, keep }) => keep(valueAt(ping, path)))]
}

function valueAt (ping: object, path: readonly string[]): unknown {
  let value: unknown = ping
  for (const name of path) value = (value as Record<string, unknown> | null | undefined)?.[name]
  return value
}

export function receiptOf (row: Row): Receipt {
  const receipt: Record<string, unknown> = {}
  columns.forEach(({ path }, index) => {
    let at = receipt
    for (const name of path.slice(0, -1)) at = (at[name] ??= {}) as Record<string, unknown>
    at[path.at(-1)!] = row[index]
  })
  return { ...receipt, receivedAt: new Date(Number(row[0])).toISOString() } as Receipt
}

/** Returns the name of a column's type in SQL. */
export function sqlType ({ type }: Column): string {
  const name = String((type as { key?: string }).key)
  return name === 'STRING' || name === 'CHAR' ? 'text' : name.toLowerCase()
}
