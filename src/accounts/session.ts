import { createHash, randomBytes } from 'node:crypto'
import { Op } from 'sequelize'
import type { Models, User } from '../db/models.js'

/** How long a browser stays signed in, in milliseconds: a week. */
export const SESSION_LIFETIME = 7 * 24 * 60 * 60 * 1000

/** Who reads the database, or a backup of it, can sign in as nobody: it holds only what the cookie hashes to. */
const idOf = (cookie: string) => createHash('sha256').update(cookie).digest('hex')

/** Signs a user in. Resolves to the cookie, which is written down nowhere here. */
export async function openSession ({ Session }: Models, user: User): Promise<string> {
  const cookie = randomBytes(32).toString('base64url')
  const now = Date.now()
  await Session.destroy({ where: { expiresAt: { [Op.lte]: new Date(now) } } })
  await Session.create({ id: idOf(cookie), UserId: user.id, expiresAt: new Date(now + SESSION_LIFETIME) })
  return cookie
}

/** The user whom a cookie signs in, or null. */
export async function findUser ({ Session, User }: Models, cookie: string): Promise<User | null> {
  const session = await Session.findOne({ where: { id: idOf(cookie), expiresAt: { [Op.gt]: new Date() } } })
  return session && User.findByPk(session.UserId)
}

/** Signs out: whoever has copied the cookie is out as well. */
export async function closeSession ({ Session }: Models, cookie: string): Promise<void> {
  await Session.destroy({ where: { id: idOf(cookie) } })
}
