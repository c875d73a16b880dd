import { hash, verify } from '@node-rs/argon2'
import { randomUUID } from 'node:crypto'
import { Slots } from './slots.js'

/** Uses two of the four threads of Node.js; the others stay free for the database, name lookups and files. */
const slots = new Slots(2, 3_000)

/** Hashes a password with argon2id (19 MiB, 2 passes). The hash includes the parameters and the salt. */
export const hashPassword = (password: string, signal?: AbortSignal): Promise<string> => (
  slots.run(() => hash(password), signal))

/** A hash that no password matches. */
const nobody = hashPassword(randomUUID())

/**
 * Finds an account and checks its password, at most two at a time. If there is no account, does the same work, so that
 * the time of the answer does not reveal which usernames exist.
 *
 * @param signal aborted if the client closes the connection; then nothing is checked
 * @returns null if there is no account, or the password is wrong
 * @throws RequestProblem 503 if too many passwords wait to be checked
 */
export async function authenticate<Account extends { password: string }> (
  find: () => Promise<Account | null>, password: string, signal: AbortSignal
): Promise<Account | null> {
  return slots.run(async () => {
    const account = await find()
    const matches = await verify(account?.password ?? await nobody, password)
    return matches ? account : null
  }, signal)
}
