/** The migrations of the collector's tables, oldest first. Never edit a released one; append a new one. */
import { DataTypes, type QueryInterface, type Transaction } from 'sequelize'
import { createTable, type Migration } from '../../database/migrate.js'
import { DAY } from '../day.js'
import { pingColumns, receiptColumns } from './columns.js'

const [receivedAt, addressHash, idempotencyKey] = receiptColumns

/** The columns of release 0.2.0. Properties added later have migrations of their own, at the end. */
const RELEASED = [
  'instance_id', 'os_type', 'os_release', 'os_arch', 'env_nodejs', 'env_flowforge',
  'platform_counts_users', 'platform_counts_teams', 'platform_counts_projects', 'platform_config_driver'
]

/** The columns of the pings that release 0.2.0 stored. */
export const releasedColumns = pingColumns.filter(({ name }) => RELEASED.includes(name))

/** The table of release 0.2.0's pings, until `history.ts` has counted them. */
export const HISTORY = 'pings_before_0_3'

const isPostgres = (schema: QueryInterface) => schema.sequelize.getDialect() === 'postgres'

export const migrations: Migration[] = [
  {
    name: '01-create-pings',
    up: (schema, transaction) => createTable(schema, transaction, 'pings', {
      id: { type: DataTypes.BIGINT, primaryKey: true, autoIncrement: true },
      [receivedAt!.name]: { type: receivedAt!.type, allowNull: false },
      [addressHash!.name]: { type: addressHash!.type, allowNull: false },
      [idempotencyKey!.name]: { type: idempotencyKey!.type, unique: true }
    })
  },
  ...releasedColumns.map(({ name, type }) => ({
    name: `02-add-${name}`,
    up: async (schema: QueryInterface, transaction: Transaction) => {
      await schema.addColumn('pings', name, { type }, { transaction })
    }
  })),
  {
    name: '03-index-pings',
    async up (schema, transaction) {
      await schema.addIndex('pings', ['instance_id', 'received_at', 'id'], { transaction })
    }
  },
  { name: '04-create-salts', up: createSalts },
  { name: '05-set-history-aside', up: setHistoryAside },
  { name: '06-create-pings', up: createPings },
  { name: '07-create-installations', up: createInstallations },
  // One migration per column, so that the column of a new property is added at the next start.
  ...pingColumns.filter(({ name }) => name !== 'instance_id').map(({ name, type }) => ({
    name: `08-add-${name}`,
    up: async (schema: QueryInterface, transaction: Transaction) => {
      for (const table of ['pings', 'installations']) await schema.addColumn(table, name, { type }, { transaction })
    }
  }))
]

/**
 * Creates the table of salts. On PostgreSQL it is unlogged, so that salts, which must be destroyed later, are never
 * copied to the write-ahead log, an archive, a replica or a base backup. The drawback: a crash of the database server
 * empties the table, and the day continues with a new salt.
 */
async function createSalts (schema: QueryInterface, transaction: Transaction): Promise<void> {
  const unlogged = isPostgres(schema) ? 'UNLOGGED' : ''
  await schema.sequelize.query(
    `CREATE ${unlogged} TABLE salts (day INTEGER PRIMARY KEY, salt CHAR(64) NOT NULL)`, { transaction })
}

/** Renames the table of release 0.2.0's pings, which are counted later, day by day, because it may take long. */
async function setHistoryAside (schema: QueryInterface, transaction: Transaction): Promise<void> {
  const run = (sql: string) => schema.sequelize.query(sql, { transaction })
  const [rows] = await run('SELECT 1 FROM pings LIMIT 1')
  if (rows.length === 0) return schema.dropTable('pings', { transaction })
  await run(`ALTER TABLE pings RENAME TO ${HISTORY}`)
  await run('CREATE TABLE history (next_day INTEGER NOT NULL)')
  await run(`INSERT INTO history (next_day) SELECT MIN(received_at) / ${DAY} FROM ${HISTORY}`)
}

/** Creates the table of raw pings: partitioned by day on PostgreSQL (`partitions.ts`), not on SQLite. */
async function createPings (schema: QueryInterface, transaction: Transaction): Promise<void> {
  const run = (sql: string) => schema.sequelize.query(sql, { transaction })
  const columns = 'received_at BIGINT NOT NULL, address_hash CHAR(64) NOT NULL, idempotency_key VARCHAR(128), ' +
    'instance_id UUID NOT NULL'
  if (isPostgres(schema)) {
    await run(`CREATE TABLE pings (${columns}) PARTITION BY RANGE (received_at)`)
    return
  }
  await run(`CREATE TABLE pings (id INTEGER PRIMARY KEY, ${columns}, UNIQUE (instance_id, idempotency_key))`)
  await run('CREATE INDEX pings_by_time ON pings (received_at)')
}

/**
 * Creates the tables of installations and daily figures. Bit k of `days` is set if the installation was heard k days
 * before `last_day`. `introduced_by` is the network hash of the first ping; it is kept until `counted` and `leads` are
 * decided. `leads` marks the first installation that a network added on a day. `daily` has only publishable figures.
 */
async function createInstallations (schema: QueryInterface, transaction: Transaction): Promise<void> {
  const run = (sql: string) => schema.sequelize.query(sql, { transaction })
  // Free space in each page lets PostgreSQL update rows there without a new entry in the index.
  const storage = isPostgres(schema) ? 'WITH (fillfactor = 80)' : ''
  await run(`CREATE TABLE installations (instance_id UUID PRIMARY KEY, days BIGINT NOT NULL, first_day INTEGER NOT NULL,
    last_day INTEGER NOT NULL, counted BOOLEAN, leads BOOLEAN, introduced_by CHAR(64)) ${storage}`)
  await run('CREATE INDEX installations_introduced ON installations (introduced_by) WHERE introduced_by IS NOT NULL')
  await run(`CREATE TABLE daily (day INTEGER NOT NULL, figure VARCHAR(64) NOT NULL, bucket VARCHAR(128) NOT NULL,
    value BIGINT NOT NULL, PRIMARY KEY (day, figure, bucket))`)
}
