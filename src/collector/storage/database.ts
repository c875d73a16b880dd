import { DataTypes, type Options, type QueryInterface, type Sequelize, type Transaction } from 'sequelize'
import { createTable, migrate, type Migration } from '../../database/migrate.js'
import { openDatabase } from '../../database/open.js'
import { columns, pingColumns } from './columns.js'

const [receivedAt, addressHash, idempotencyKey] = columns

const migrations: Migration[] = [
  {
    name: '01-create-pings',
    up: (schema, transaction) => createTable(schema, transaction, 'pings', {
      id: { type: DataTypes.BIGINT, primaryKey: true, autoIncrement: true },
      [receivedAt!.name]: { type: receivedAt!.type, allowNull: false },
      [addressHash!.name]: { type: addressHash!.type, allowNull: false },
      [idempotencyKey!.name]: { type: idempotencyKey!.type, unique: true }
    })
  },
  // One step a column: a property that joins the ping brings its own at the next start.
  ...pingColumns.map(({ name, type }) => ({
    name: `02-add-${name}`,
    up: async (schema: QueryInterface, transaction: Transaction) => {
      await schema.addColumn('pings', name, { type }, { transaction })
    }
  })),
  {
    name: '03-index-pings',
    async up (schema, transaction) {
      // The one index that the report needs. Each more would cost every ping; retention finds the oldest by `id`.
      await schema.addIndex('pings', ['instance_id', 'received_at', 'id'], { transaction })
    }
  },
  { name: '04-create-salts', up: createSalts }
]

/**
 * PostgreSQL writes an unlogged table to no write-ahead log, no archive, no replica and no base backup: a salt that
 * must be destroyed has never been anywhere else. The price: a crash of the database server empties it, and the
 * day goes on with a new salt.
 */
async function createSalts (schema: QueryInterface, transaction: Transaction): Promise<void> {
  const unlogged = isPostgres(schema.sequelize) ? 'UNLOGGED' : ''
  await schema.sequelize.query(
    `CREATE ${unlogged} TABLE salts (day INTEGER PRIMARY KEY, salt CHAR(64) NOT NULL)`, { transaction })
}

export function isPostgres (db: Sequelize): boolean {
  return db.getDialect() === 'postgres'
}

/**
 * Opens the collector's database and brings its tables up to date.
 *
 * @param url `sqlite:FILE` or `postgres://...`
 * @throws Sequelize's error when the database does not answer
 */
export async function openCollectorDatabase (url: string): Promise<Sequelize> {
  const db = await connect(url)
  if (!isPostgres(db)) {
    // Acknowledged means on the disk; and what is deleted is overwritten, not just forgotten.
    await db.query('PRAGMA synchronous = FULL')
    await db.query('PRAGMA secure_delete = ON')
  }
  await migrate(db, 'collector_migrations', migrations)
  return db
}

/** Opens the database as it is: a connection of its own, so that a long report never stands before a ping. */
export function connect (url: string): Promise<Sequelize> {
  if (url.startsWith('sqlite:')) return openDatabase({ type: 'sqlite', storage: url.slice('sqlite:'.length) })
  const { hostname, port, username, password, pathname, searchParams } = new URL(url)
  const ssl = !['disable', null].includes(searchParams.get('sslmode'))
  return openDatabase({
    type: 'postgres',
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 5432),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: decodeURIComponent(pathname.slice(1)),
    ssl
  }, postgresLimits(ssl))
}

/** A database that hangs is a database that is away: the sender is told so in time, and tries again later. */
function postgresLimits (ssl: boolean): Options {
  return {
    pool: { max: 4, acquire: 5000 },
    dialectOptions: { ssl, keepAlive: true, connectionTimeoutMillis: 5000, statement_timeout: 30_000 }
  }
}
