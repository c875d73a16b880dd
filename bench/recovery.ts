/** What `npm run bench:collector` tells of bad days: pings that are not valid, and a database that is gone. */
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { breakableLine } from '../test/collector/storage/breakable-line.js'
import { postPings, type LoadOptions } from './load.js'
import { median, ratio, type Table } from './publish.js'

const CONNECTIONS = 64
const SHARES = [0, 0.05, 0.5, 1]

/** One in so many is invalid; where all are, the first connection still sends valid ones, to be measured. */
function mixOf (share: number): LoadOptions['isInvalid'] {
  if (share === 1) return (connection) => connection > 0
  return (_connection, n) => share > 0 && n % Math.round(1 / share) === 0
}

/** Measures the valid pings beside invalid ones, the shares in turn. */
export async function measureInvalid (url: string, rounds: number, seconds: number): Promise<Table> {
  const p99 = SHARES.map(() => [] as number[])
  for (let round = 0; round < rounds; round++) {
    for (const [index, share] of SHARES.entries()) {
      p99[index]!.push((await postPings(url, CONNECTIONS, seconds, { isInvalid: mixOf(share) })).p99)
    }
  }
  return {
    title: 'Valid pings beside invalid ones',
    columns: ['of the load invalid', 'p99 of the valid ones, ms', 'beside none invalid'],
    rows: SHARES.map((share, index) => (
      [`${100 * share} %`, median(p99[index]!).toFixed(1), ratio(p99[index]!, p99[0]!)]))
  }
}

/**
 * Cuts the collector off from its database under load, for so many seconds, and looks at what comes after.
 *
 * @param start starts a collector on a database, and returns its address
 */
export async function measureOutage (
  databaseUrl: string, start: (databaseUrl: string) => Promise<string>, seconds: number
): Promise<Table> {
  const ends: Array<() => void> = []
  const line = await breakableLine({ after: (end) => ends.push(end) }, databaseUrl)
  const url = await start(line.url)
  const acknowledged = new Set<string>()
  const [lead, until] = [3, 3 + seconds + Math.min(seconds, 10)]
  let mendedAt = Infinity
  let firstStored: number | undefined
  const load = postPings(url, CONNECTIONS, until, {
    onStored (key) {
      acknowledged.add(key)
      if (performance.now() > mendedAt) firstStored ??= performance.now() - mendedAt
    }
  })
  await wait(lead * 1000)
  line.cut()
  await wait(seconds * 1000)
  await line.mend()
  mendedAt = performance.now()
  await load
  const missing = await countMissing(databaseUrl, acknowledged)
  for (const end of ends) end()
  return {
    title: 'The database gone under load',
    columns: ['gone for, s', 'pings acknowledged', 'of them missing', 'stored again after, s'],
    rows: [[
      String(seconds), acknowledged.size.toLocaleString('en'), String(missing),
      firstStored === undefined ? 'never' : (firstStored / 1000).toFixed(1)
    ]]
  }
}

async function countMissing (databaseUrl: string, acknowledged: Set<string>): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const { rows } = await client.query<{ key: string }>('SELECT idempotency_key AS key FROM pings')
  await client.end()
  const stored = new Set(rows.map(({ key }) => key))
  return [...acknowledged].filter((key) => !stored.has(key)).length
}
