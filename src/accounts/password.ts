import { hash, verify } from '@node-rs/argon2'
import { randomUUID } from 'node:crypto'

/** The argon2id hash of a password, with the parameters and salt it takes to check it (19 MiB, 2 passes). */
export const hashPassword = (password: string): Promise<string> => hash(password)

/** A hash that no password has. */
const nobody = hashPassword(randomUUID())

/**
 * Whether a password is the one that was hashed.
 * Without a hash it does the same work for nothing, so that the time of an answer never tells which usernames exist.
 */
export async function checkPassword (password: string, hashed: string | undefined): Promise<boolean> {
  return verify(hashed ?? await nobody, password)
}
