import type { FastifyInstance } from 'fastify'
import { UniqueConstraintError } from 'sequelize'
import { hashPassword } from '../accounts/password.js'
import type { Account } from '../accounts/schema.js'
import type { User } from '../db/models.js'
import { RequestProblem } from '../http/request-problem.js'

/** The administrator of the platform, or null while there is none. */
export function findAdministrator (app: FastifyInstance): Promise<User | null> {
  return app.db.models.User.findOne({ where: { admin: true }, order: ['id'] })
}

/**
 * Creates the first account, the administrator's. Of several that try at once, on any replica, exactly one succeeds.
 *
 * @param signal of a hang-up: nothing is created for a client that has hung up while it waited for its turn
 * @throws RequestProblem 409 when there is an administrator already
 */
export async function createAdministrator (
  app: FastifyInstance, account: Account, signal?: AbortSignal
): Promise<User> {
  if (await findAdministrator(app)) throw administratorExists()
  const password = await hashPassword(account.password, signal)
  const user = await app.db.models.User.create({ ...account, password, admin: true }).catch(tellDuplicate)
  // Known by its id only after it is written, the account takes part in the race, and goes again if it loses.
  if (await app.settings.setOnce('setup:administrator', user.id)) return user
  await user.destroy()
  throw administratorExists()
}

function tellDuplicate (error: Error): never {
  if (!(error instanceof UniqueConstraintError)) throw error
  const field = Object.keys(error.fields)[0] ?? 'username'
  const message = `An account with this ${field} exists already. Choose another.`
  throw new RequestProblem(409, 'account_exists', message, field)
}

const administratorExists = () => new RequestProblem(409, 'administrator_exists',
  'An administrator has been created in the meantime. Sign in with that account to go on.')
