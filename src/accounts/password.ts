import { hash, verify } from '@node-rs/argon2'
import { randomUUID } from 'node:crypto'
import { Slots } from './slots.js'

/** Two of the four threads of Node.js: the others stay free for the database, name lookups and files. */
const slots = new Slots(2, 3_000)

/** The argon2id hash of a password, with the parameters and salt it takes to check it (19 MiB, 2 passes). */
export const hashPassword = (password: string, signal?: AbortSignal): Promise<string> => (
  slots.run(() => hash(password), signal))

/** A hash that no password has. */
const nobody = hashPassword(randomUUID())

/**
 * Finds an account and checks its password, in turn: however many sign in at once, two of them use the database.
 * Where there is no account it does the same work for nothing, so that the time of an answer never tells which usernames
 * exist.
 *
 * @param signal of a hang-up: nothing is checked for a client that is gone
 * @returns null if there is no account, or its password is another
 * @throws RequestProblem 503 when too many passwords wait to be checked
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
