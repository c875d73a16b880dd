import fp from 'fastify-plugin'
import { isAbsolute, join } from 'node:path'
import type { Sequelize } from 'sequelize'
import type { PlatformConfig } from '../config/index.js'
import { migrate } from '../database/migrate.js'
import { openDatabase, type DatabaseAddress } from '../database/open.js'
import { makePrivateDirectory } from '../database/private-files.js'
import { closeDatabase } from '../database/transaction.js'
import { HISTORY, migrations } from './migrations.js'
import { defineModels, type Models } from './models.js'

declare module 'fastify' {
  interface FastifyInstance {
    db: { sequelize: Sequelize, models: Models }
  }
}

/** Opens the platform's database, migrates it, and decorates the app with it, `app.db`. */
export default fp(async (app) => {
  const address = addressFrom(app.config)
  if (address.type === 'sqlite') makePrivateDirectory(app.config.dataDirectory)
  const sequelize = await openDatabase(address, {}, HISTORY)
  app.addHook('onClose', () => closeDatabase(sequelize))
  await migrate(sequelize, HISTORY, migrations)
  app.decorate('db', { sequelize, models: defineModels(sequelize) })
}, { name: 'app.db', dependencies: ['app.config'], fastify: '5.x' })

/** Returns the address of the configured database. */
export function addressFrom ({ db, dataDirectory }: PlatformConfig): DatabaseAddress {
  if (db.type === 'postgres') return { ...db, type: 'postgres' }
  return { type: 'sqlite', storage: isAbsolute(db.storage) ? db.storage : join(dataDirectory, db.storage) }
}
