import { createHash, randomBytes } from 'node:crypto'
import { Op } from 'sequelize'
import type { Models, User } from '../db/models.js'

/** How long a session lasts, in milliseconds: a week. */
export const SESSION_LIFETIME = 7 * 24 * 60 * 60 * 1000

/** Hashes a cookie. Only the hash is stored, so the database or a backup of it cannot be used to sign in. */
const idOf = (cookie: string) => createHash('sha256').update(cookie).digest('hex')

/** Opens a session for a user. @returns the cookie, which is not stored */
export async function openSession ({ Session }: Models, user: User): Promise<string> {
  const cookie = randomBytes(32).toString('base64url')
  const now = Date.now()
  await Session.destroy({ where: { expiresAt: { [Op.lte]: new Date(now) } } })
  await Session.create({ id: idOf(cookie), UserId: user.id, expiresAt: new Date(now + SESSION_LIFETIME) })
  return cookie
}

/** Finds the user of a session's cookie, or null. */
export async function findUser ({ Session, User }: Models, cookie: string): Promise<User | null> {
  const session = await Session.findOne({ where: { id: idOf(cookie), expiresAt: { [Op.gt]: new Date() } } })
  return session && User.findByPk(session.UserId)
}

/** Ends a session. Copies of its cookie become useless, too. */
export async function closeSession ({ Session }: Models, cookie: string): Promise<void> {
  await Session.destroy({ where: { id: idOf(cookie) } })
}
