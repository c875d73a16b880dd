/** Shared by the benchmarks of the host: starts platforms on SQLite and on a real PostgreSQL. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { buildApp, loadConfig } from '../src/app.js'
import { startOwnPostgres } from '../test/helpers/postgres.js'

/** One installation: its directory, `FLOWFORGE_HOME`, and its flowforge.yml. */
export interface Installation {
  home: string
  file: string
}

export interface Ground {
  databases: readonly ['sqlite', 'postgres']
  /** A platform with a separate database and a finished setup. */
  install: (database: 'sqlite' | 'postgres', telemetry: object) => Promise<Installation>
  clear: () => Promise<void>
}

export async function breakGround (): Promise<Ground> {
  const directory = mkdtempSync(join(tmpdir(), 'flowforge-bench-'))
  const postgres = await startOwnPostgres(['-c', 'fsync=on', '-c', 'synchronous_commit=on'])
  return {
    databases: ['sqlite', 'postgres'],
    async install (database, telemetry) {
      const home = mkdtempSync(join(directory, 'platform-'))
      const file = join(home, 'flowforge.yml')
      const db = database === 'postgres' ? await postgres.createDatabase() : { type: 'sqlite' }
      writeFileSync(file, stringify({ db, telemetry: { enabled: false } }))
      const app = await buildApp(loadConfig(file, { FLOWFORGE_HOME: home }), false)
      await app.settings.set('setup:initialised', true)
      await app.telemetry.pings()
      await app.close()
      writeFileSync(file, stringify({ db, telemetry }))
      return { home, file }
    },
    async clear () {
      await postgres.stop()
      rmSync(directory, { recursive: true, force: true })
    }
  }
}
