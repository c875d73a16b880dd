import { hash, verify } from '@node-rs/argon2'
import { randomUUID } from 'node:crypto'
import { Slots } from './slots.js'

/** Uses two of the four threads of Node.js; the others stay free for the database, name lookups and files. */
const slots = new Slots(2, 3_000)

/**
 * Of argon2id, in KiB, passes and threads: as strong as 19 MiB and 2 passes, which release 0.2.0 uses, with 20 MiB less
 * for two passwords at once: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id
 */
const COST = { memoryCost: 9 * 1024, timeCost: 4, parallelism: 1 }
const COST_IN_HASH = `$m=${COST.memoryCost},t=${COST.timeCost},p=${COST.parallelism}$`

/** Hashes a password with argon2id. The hash includes the cost and the salt. */
export const hashPassword = (password: string, signal?: AbortSignal): Promise<string> => (
  slots.run(() => hash(password, COST), signal))

/** A hash that no password matches. */
const nobody = hashPassword(randomUUID())

/** What a hash begins with: the algorithm and the cost. */
const START_OF_HASH = /^\$argon2id\$v=\d+\$m=\d+,t=\d+,p=\d+\$/

interface StoredAccount {
  password: string
  update: (values: { password: string }) => Promise<unknown>
}

interface Found<Account> {
  account: Account | null
  /** Tells what it costs to check a password. */
  anyAccount: StoredAccount | null
}

/**
 * Finds an account and checks its password, at most two at a time. If there is no account, does the same work as for
 * another one, so that the time of the answer does not reveal which usernames exist. Replaces a hash of another cost.
 *
 * @param signal aborted if the client closes the connection; then nothing is checked
 * @returns null if there is no account, or the password is wrong
 * @throws RequestProblem 503 if too many passwords wait to be checked
 */
export async function authenticate<Account extends StoredAccount> (
  find: () => Promise<Found<Account>>, password: string, signal: AbortSignal
): Promise<Account | null> {
  return slots.run(async () => {
    const { account, anyAccount } = await find()
    const matches = await verify(account?.password ?? await hashOfNobody(anyAccount), password)
    if (!account || !matches) return null
    if (!account.password.includes(COST_IN_HASH)) await account.update({ password: await hash(password, COST) })
    return account
  }, signal)
}

/** A hash that no password matches, and that takes as long to check as that of the account. */
async function hashOfNobody (account: StoredAccount | null): Promise<string> {
  const [start] = START_OF_HASH.exec(account?.password ?? '') ?? []
  return start ? (await nobody).replace(START_OF_HASH, () => start) : nobody
}
