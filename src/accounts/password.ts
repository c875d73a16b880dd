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
 * Whether a password is the one that was hashed.
 * Without a hash it does the same work for nothing, so that the time of an answer never tells which usernames exist.
 *
 * @param signal of the request: nothing is checked for a client that has hung up
 * @throws RequestProblem 503 when too many passwords wait to be checked
 */
export async function checkPassword (password: string, hashed: string | undefined, signal: AbortSignal): Promise<boolean> {
  const expected = hashed ?? await nobody
  return slots.run(() => verify(expected, password), signal)
}
