import type { FastifyInstance } from 'fastify'
import { UniqueConstraintError } from 'sequelize'
import { hashPassword } from '../accounts/password.js'
import type { Account } from '../accounts/schema.js'
import type { User } from '../db/models.js'
import { RequestProblem } from '../http/request-problem.js'

/** Finds the administrator of the platform, or null if there is none yet. */
export function findAdministrator (app: FastifyInstance): Promise<User | null> {
  return app.db.models.User.findOne({ where: { admin: true }, order: ['id'] })
}

/**
 * Creates the first account, the administrator's. Of several concurrent attempts, on any replica, exactly one succeeds.
 *
 * @param signal aborted if the client closes the connection; then nothing is created
 * @throws RequestProblem 409 if there is an administrator already
 */
export async function createAdministrator (
  app: FastifyInstance, account: Account, signal?: AbortSignal
): Promise<User> {
  if (await findAdministrator(app)) throw administratorExists()
  const password = await hashPassword(account.password, signal)
  const user = await app.db.models.User.create({ ...account, password, admin: true }).catch(tellDuplicate)
  // The race is decided by id, which is known only after the account is written; an account that loses is deleted.
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
