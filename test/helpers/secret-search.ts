import assert from 'node:assert/strict'
import { QueryTypes } from 'sequelize'
import { openDatabase } from '../../src/database/open.js'
import type { PostgresAddress } from './postgres.js'

/** Secrets of a person and of an installation: texts that do not appear by chance. */
export const SECRETS = {
  name: 'Vexoria Quandlemire',
  username: 'vq_trundlefax',
  email: 'mirk.obsidane@wixelby.example',
  password: 'zK7!pluvorn-Brax',
  wrongPassword: 'hY3#drossel-Kimp',
  databasePassword: 'Wq9flomterGaskin',
  proxyUser: 'jostelbraum',
  proxyPassword: 'Gn4skavileNorth',
  urlPassword: 'Lt2ombrevalDusk'
}

/** Searches all output of a program for secrets. */
export class SecretSearch {
  private readonly secrets = new Map<string, string[]>()
  private readonly said: [where: string, text: string][] = []

  hide (secrets: Record<string, string>): void {
    for (const [what, value] of Object.entries(secrets)) this.secrets.set(what, spellingsOf(value))
  }

  see (where: string, ...texts: string[]): void {
    for (const text of texts) this.said.push([where, text.toLowerCase()])
  }

  /** @param allowed secrets that this output may contain, such as a name on the person's own page */
  assertNone (...allowed: string[]): void {
    assert.ok(this.secrets.size > 0 && this.said.length > 0, 'there are secrets to search for, and there is output')
    const found = new Set<string>()
    for (const [what, spellings] of this.secrets) {
      if (allowed.includes(what)) continue
      for (const [where, text] of this.said) if (spellings.some((each) => text.includes(each))) found.add(`${what}: ${where}`)
    }
    assert.deepEqual([...found], [])
  }
}

/** A secret unchanged, and as encoded in JSON, URLs and Basic authentication. */
function spellingsOf (secret: string): string[] {
  assert.ok(secret.length >= 8, 'a secret that is too short appears by chance')
  const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '')
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), base64].map((each) => each.toLowerCase())
}

/** The same database, for a new superuser with the secret password. */
export async function asSecretUser (address: PostgresAddress): Promise<PostgresAddress> {
  const db = await openDatabase(address)
  const user = `u_${address.database}`
  await db.query(`CREATE ROLE "${user}" SUPERUSER LOGIN PASSWORD '${SECRETS.databasePassword}'`, { type: QueryTypes.RAW })
  await db.close()
  return { ...address, user, password: SECRETS.databasePassword }
}
