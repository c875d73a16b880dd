import type { TestContext } from 'node:test'
import { fastify, type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { DataTypes, type Model, type ModelStatic, type Options, type Sequelize } from 'sequelize'
import { openDatabase, type DatabaseAddress } from '../../src/database/open.js'
import telemetry from '../../src/telemetry/index.js'
import { holdSchedule } from '../helpers/hold-schedule.js'
import { PlatformLog } from '../helpers/platform.js'

export const INSTANCE = '5db51f99-c6fb-4340-9c19-78adce58cc1b'

/** The decorators of another host; any may be missing. */
export interface HostDecorators {
  config: unknown
  settings: unknown
  db: unknown
}

type Change = (decorators: ForeignDecorators) => Partial<HostDecorators>

interface ForeignDecorators {
  config: { version: string, driver: { type: string }, telemetry: unknown }
  settings: { get: (key: string) => unknown, refresh?: (key: string) => unknown }
  db: { sequelize: Sequelize, models: Record<'User' | 'Team' | 'Project', ModelStatic<Model>> }
}

export interface Host {
  app: FastifyInstance
  log: PlatformLog
  sequelize: Sequelize
  models: ForeignDecorators['db']['models']
}

/**
 * A Fastify app of another host, with telemetry and three models, laid out differently from the platform's. Not ready.
 *
 * @param change overrides of its decorators
 * @param habits options of its Sequelize
 */
export async function embed (
  t: TestContext, address: DatabaseAddress, url: string, change: Change = () => ({}), habits: Options = {}
): Promise<Host> {
  const sequelize = await openDatabase(address, habits)
  const models = await createForeignModels(sequelize)
  const values: Record<string, unknown> = { instanceId: INSTANCE, 'setup:initialised': true, 'telemetry:enabled': true }
  const usual: ForeignDecorators = {
    config: Object.freeze({ version: '9.8.7', driver: Object.freeze({ type: 'docker' }), telemetry: Object.freeze({ url }) }),
    settings: { get: (key) => values[key] },
    db: { sequelize, models }
  }
  const log = new PlatformLog()
  const app = fastify({ logger: { level: 'debug', stream: log } })
  t.after(async () => {
    await app.close()
    await sequelize.close()
  })
  for (const [name, value] of Object.entries({ ...usual, ...change(usual) })) {
    await app.register(fp(async (host) => { host.decorate(name, value) }, { name: `app.${name}` }))
  }
  let release = () => 0
  app.addHook('onReady', async () => { release = holdSchedule() })
  await app.register(telemetry)
  app.addHook('onReady', async () => { release() })
  return { app, log, sequelize, models }
}

/** Users with a UUID as key, soft-deleted teams, projects in a table with another name. */
async function createForeignModels (sequelize: Sequelize): Promise<Host['models']> {
  const models = {
    User: sequelize.define('User', { uuid: { type: DataTypes.UUID, primaryKey: true, defaultValue: DataTypes.UUIDV4 } },
      { defaultScope: { where: { uuid: null } } }),
    Team: sequelize.define('Team', { label: DataTypes.STRING, goneAt: { type: DataTypes.DATE, field: 'gone_at' } },
      { paranoid: true, timestamps: true, deletedAt: 'goneAt' }),
    Project: sequelize.define('Project', { slug: { type: DataTypes.STRING, primaryKey: true } },
      { tableName: 'applications', timestamps: false, paranoid: false })
  }
  for (const model of Object.values(models)) await model.sync()
  return models
}
