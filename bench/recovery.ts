/** The parts of `npm run bench:collector` with faults: invalid pings, and a database that is down. */
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

/** Measures valid pings among invalid ones, with each share in turn. */
export async function measureInvalid (url: string, idOf: () => string, rounds: number, seconds: number): Promise<Table> {
  const p99 = SHARES.map(() => [] as number[])
  for (let round = 0; round < rounds; round++) {
    for (const [index, share] of SHARES.entries()) {
      p99[index]!.push((await postPings(url, CONNECTIONS, seconds, { idOf, isInvalid: mixOf(share) })).p99)
    }
  }
  return {
    title: 'Valid pings beside invalid ones',
    columns: ['of the load invalid', 'p99 of the valid ones, ms', 'beside none invalid'],
    rows: SHARES.map((share, index) => (
      [`${100 * share} %`, median(p99[index]!).toFixed(1), ratio(p99[index]!, p99[0]!)]))
  }
}

/** When pings were stored, and those that were refused before. */
class Recovery {
  readonly acknowledged = new Set<string>()
  private readonly perSecond = new Map<number, number>()
  private lastRefusedAt = 0

  note (key: string, refusals: number): void {
    this.acknowledged.add(key)
    const second = Math.floor(performance.now() / 1000)
    this.perSecond.set(second, (this.perSecond.get(second) ?? 0) + 1)
    if (refusals > 0) this.lastRefusedAt = performance.now()
  }

  /** Seconds from a moment to that at which the last ping that had been refused was stored. */
  refusedUntil (moment: number): number {
    return Math.max(0, (this.lastRefusedAt - moment) / 1000)
  }

  /** Seconds from a moment to the end of the first second with nine tenths of the pace before `cutAt`. */
  pacedAfter (moment: number, cutAt: number): number | undefined {
    const before = median([...this.perSecond].filter(([second]) => (second + 1) * 1000 < cutAt).slice(1).map(([, pings]) => pings))
    const second = [...this.perSecond].find(([second, pings]) => second * 1000 >= moment && pings >= 0.9 * before)?.[0]
    return second === undefined ? undefined : second + 1 - moment / 1000
  }
}

/**
 * Disconnects the collector from its database under load for some seconds, and measures the recovery. Each connection
 * resends a refused ping until it is stored.
 *
 * @param start starts a collector on a database, and returns its address
 */
export async function measureOutage (
  databaseUrl: string, start: (databaseUrl: string) => Promise<string>, idOf: () => string, seconds: number
): Promise<Table> {
  const ends: Array<() => void> = []
  const line = await breakableLine({ after: (end) => ends.push(end) }, databaseUrl)
  const url = await start(line.url)
  const recovery = new Recovery()
  const [lead, after] = [5, Math.min(seconds, 15)]
  const load = postPings(url, CONNECTIONS, lead + seconds + after, {
    idOf, retry: true, onStored: (key, refusals) => recovery.note(key, refusals)
  })
  await wait(lead * 1000)
  const cutAt = performance.now()
  line.cut()
  await wait(seconds * 1000)
  await line.mend()
  const mendedAt = performance.now()
  const { failed } = await load
  const missing = await countMissing(databaseUrl, recovery.acknowledged)
  for (const end of ends) end()
  return {
    title: 'The database gone under load',
    columns: ['gone for, s', 'answers 503', 'pings acknowledged', 'of them missing', 'all that were refused are stored after, s', 'the pace is back after, s'],
    rows: [[
      String(seconds), failed.toLocaleString('en'), recovery.acknowledged.size.toLocaleString('en'), String(missing),
      recovery.refusedUntil(mendedAt).toFixed(1), recovery.pacedAfter(mendedAt, cutAt)?.toFixed(1) ?? 'never'
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
