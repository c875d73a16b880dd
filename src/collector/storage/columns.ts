/** The columns of `pings`: three facts of the receipt, then every property of the ping, in the ping's order. */
import { DataTypes, type DataType } from 'sequelize'
import type { TSchema } from 'typebox'
import { pingProperties } from '../../telemetry/ping.js'

/** One column: its name, where its value stands in the receipt, its type, and how a value becomes one of its own. */
export interface Column {
  name: string
  path: readonly string[]
  type: DataType
  keep: (value: unknown) => Value
}

export type Value = string | number | null

/** The values of one row, in the order of `columns`. */
export type Row = Value[]

/** The position of a column in a row. @throws if there is none */
export function positionOf (name: string): number {
  const position = columns.findIndex((column) => column.name === name)
  if (position < 0) throw new Error(`pings has no column ${name}`)
  return position
}

/** A row as it is answered and shown: the shape of the ping, and what the collector added. */
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
  // Milliseconds since 1970: days are counted by dividing, alike in SQLite and PostgreSQL.
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

/** Where the ping names a fixed set, a name outside it could identify its owner, and is kept as `other`. */
function foldUnknownName (schema: TSchema): Column['keep'] {
  if (!('enum' in schema)) return asItIs
  const names = new Set(schema.enum as unknown[])
  return (value) => value === undefined || value === null || names.has(value) ? asItIs(value) : 'other'
}

/** The known properties of a ping that has passed its check; the others are dropped here, the absent are null. */
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

/** The name of a column's type in SQL. */
export function sqlType ({ type }: Column): string {
  const name = String((type as { key?: string }).key)
  return name === 'STRING' || name === 'CHAR' ? 'text' : name.toLowerCase()
}
