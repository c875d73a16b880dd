import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { explainFailure } from '../../src/collector/explain-failure.js'
import { readSettings } from '../../src/collector/settings.js'
import { runCollector } from '../collector/run-collector.js'
import { COLLECTOR_SECRETS } from './collector-secrets.js'
import { SecretSearch } from './secret-search.js'

const { hashKey, reportToken, databasePassword } = COLLECTOR_SECRETS

const AWAY = `postgres://u:${databasePassword}@127.0.0.1:9/d`
const RIGHT = { COLLECTOR_IP_HASH_KEY: hashKey, COLLECTOR_REPORT_TOKEN: reportToken, COLLECTOR_LOG_LEVEL: 'trace', COLLECTOR_DATABASE_URL: AWAY }

interface Failure { title: string, args?: string[], environment?: Record<string, string>, code: number }

const wrong = (title: string, environment: Record<string, string>): Failure => ({ title, environment, code: 78 })

/** Each way in which a collector ends before it listens, with secrets in the right or the wrong settings. */
export const START_FAILURES: Failure[] = [
  { title: 'asked for help', args: ['--help'], code: 0 },
  { title: 'with an unknown argument', args: [`--key=${hashKey}`], code: 64 },
  { title: 'with a database that is down', code: 1 },
  wrong('with a key that is too short', { COLLECTOR_IP_HASH_KEY: hashKey.slice(0, 20) }),
  wrong('with a token that is too short', { COLLECTOR_REPORT_TOKEN: reportToken.slice(0, 12) }),
  wrong('with the URL of another database', { COLLECTOR_DATABASE_URL: `mysql://u:${databasePassword}@h/d` }),
  wrong('with an invalid URL', { COLLECTOR_DATABASE_URL: `postgres://u:${databasePassword}/x@h/d` }),
  wrong('with a URL that is not encoded', { COLLECTOR_DATABASE_URL: `postgres://u:${databasePassword}%zz@127.0.0.1/d` }),
  wrong('with an invalid URL for its report', { COLLECTOR_REPORT_DATABASE_URL: `postgres://u:${databasePassword}#x@h/d` }),
  wrong('with the URL of a file for its report', { COLLECTOR_REPORT_DATABASE_URL: `sqlite:${databasePassword}` }),
  wrong('with a secret for a proxy', { COLLECTOR_TRUST_PROXY: `127.0.0.1,${hashKey}` }),
  wrong('with a secret for a port', { COLLECTOR_PORT: reportToken }),
  wrong('with a secret for a level', { COLLECTOR_LOG_LEVEL: reportToken }),
  wrong('with a secret for a switch', { COLLECTOR_PUBLIC: reportToken }),
  wrong('with an unknown setting', { COLLECTOR_DATABASE_PASSWORD: databasePassword })
]

/** Lets the process of a collector fail, and searches its output for secrets. Returns its exit code. */
export async function searchStartFailure (t: TestContext, { args, environment }: Failure): Promise<number | null> {
  const { child } = runCollector(t, { ...RIGHT, ...environment }, args)
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')])
  assertNoSecret(stdout, stderr)
  return code as number | null
}

/** Lets invalid settings fail in this process, and searches the message for secrets. Returns the exit code. */
export function searchWrongSettings ({ environment }: Failure): number {
  try {
    readSettings({ ...RIGHT, ...environment })
  } catch (error) {
    const { reason, exitCode } = explainFailure(error)
    assertNoSecret(reason)
    return exitCode
  }
  return 0
}

function assertNoSecret (...output: string[]): void {
  const search = new SecretSearch()
  // A value that is too short for a secret must not be printed either.
  search.hide({ ...COLLECTOR_SECRETS, shortKey: hashKey.slice(0, 20), shortToken: reportToken.slice(0, 12) })
  search.see('output', ...output)
  search.assertNone()
}
