/**
 * A simulated year: installations start, grow, upgrade at different times, and some end; one sender invents some.
 * Each run produces the same year.
 */
import { DAY, dayOf } from '../src/collector/day.js'
import { rowOf } from '../src/collector/storage/columns.js'
import type { Database } from '../src/collector/storage/database.js'
import { finishDays } from '../src/collector/storage/figures.js'
import { createPartition } from '../src/collector/storage/partitions.js'
import { storePings, type Arrival } from '../src/collector/storage/pings.js'

const DAYS = 365

const NEW_PER_ADDRESS = 20

/** The day of the year of each release; the first was out before the year. */
const FLOWFORGE: Releases = [[-90, '1.14.0'], [20, '1.15.0'], [75, '2.0.0'], [130, '2.1.0'], [190, '2.2.0'], [250, '2.3.1'], [310, '2.4.0'], [350, '2.5.0']]
const NODE: Releases = [[-200, 'v16.20.2'], [-100, 'v18.17.1'], [40, 'v18.19.0'], [60, 'v20.11.1'], [200, 'v20.17.0'], [280, 'v22.9.0'], [330, 'v22.11.0']]
const SYSTEMS: Array<[share: number, type: string, release: string, arch: string]> = [
  [0.62, 'Linux', '5.15.0-91-generic', 'x64'], [0.2, 'Linux', '6.1.0-rpi7-rpi-v8', 'arm64'], [0.09, 'Windows_NT', '10.0.20348', 'x64'],
  [0.06, 'Darwin', '23.1.0', 'arm64'], [0.029, 'Darwin', '20.5.0', 'x64'], [0.001, 'FreeBSD', '13.2-RELEASE', 'x64']
]
const DRIVERS: Array<[share: number, name: string]> = [[0.58, 'localfs'], [0.26, 'docker'], [0.13, 'kubernetes'], [0.02, 'k8s'], [0.01, 'other']]

type Releases = Array<[day: number, version: string]>

/** Numbers from 0 to 1 that are the same at each run: a 32-bit congruential generator, good enough for a demo. */
function numbersFrom (seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

function pick<Entry extends [share: number, ...rest: unknown[]]> (entries: Entry[], number: number): Entry {
  let sum = 0
  return entries.find(([share]) => (sum += share) > number) ?? entries[0]!
}

const newestBy = (releases: Releases, day: number) => releases.findLast(([from]) => from <= day)?.[1] ?? releases[0]![1]

const hex = (number: number, digits: number) => Math.floor(number * 16 ** digits).toString(16).padStart(digits, '0')

/** One installation: the days on which it is active, and its ping on a day. */
function makeInstallation (random: () => number) {
  const id = `${hex(random(), 8)}-${hex(random(), 4)}-4${hex(random(), 3)}-a${hex(random(), 3)}-${hex(random(), 6)}${hex(random(), 6)}`
  // Some existed before the year; the others start more and more often.
  const first = random() < 0.2 ? 0 : Math.floor(DAYS * Math.sqrt(random()))
  const last = first + Math.floor(-Math.log(random()) * 300)
  const [, type, release, arch] = pick(SYSTEMS, random())
  const [, driver] = pick(DRIVERS, random())
  const [lag, users, growth] = [random() ** 2 * 120, Math.exp(random() * 5), random() * 2]
  // A fifth are switched off for some weeks.
  const off = random() < 0.2 ? first + 20 + random() * 200 : Infinity
  const back = off + 9 + random() * 30
  return {
    id,
    isOnAt: (day: number) => first <= day && day <= last && (day < off || day > back),
    pingOf (day: number) {
      const size = Math.round(users * (1 + growth * (day - first) / DAYS))
      return {
        instanceId: id,
        os: { type, release, arch },
        env: { nodejs: newestBy(NODE, day - lag), flowforge: newestBy(FLOWFORGE, day - lag) },
        platform: { counts: { users: size, teams: Math.ceil(size / 4), projects: Math.round(size * (0.5 + growth)) }, config: { driver } }
      }
    }
  }
}

/**
 * Stores the year that ends with `now` directly in the database.
 *
 * @param now milliseconds since 1970
 * @param days only this many days at its end
 * @returns the number of pings
 */
export async function storeYearOfPings (
  db: Database, installations: number, now: number, days = DAYS
): Promise<number> {
  const random = numbersFrom(20_221_123)
  const all = Array.from({ length: installations }, () => makeInstallation(random))
  const hash = '0'.repeat(64)
  let stored = 0
  for (let day = DAYS - days; day < DAYS; day++) {
    const midnight = (dayOf(now) - DAYS + 1 + day) * DAY
    // A few pings never arrive, and at the weekend some machines are switched off.
    const silent = [0, 6].includes(new Date(midnight).getUTCDay()) ? 0.15 : 0.03
    const honest: Arrival[] = all.filter(({ isOnAt }) => isOnAt(day) && random() > silent)
      .map(({ id, pingOf }) => ({
        row: rowOf(pingOf(day), Math.min(now, midnight + Math.floor(random() * DAY)), hash, null),
        // Each has a separate network.
        networkHash: id.padEnd(64, '0')
      }))
    const arrivals = [...honest, ...inventPings(day, midnight, hash)]
    await createPartition(db, dayOf(midnight))
    for (let at = 0; at < arrivals.length; at += 2000) await storePings(db, arrivals.slice(at, at + 2000))
    await finishDays(db, dayOf(midnight), NEW_PER_ADDRESS)
    stored += arrivals.length
  }
  return stored
}

/** The false sender's first day, how many installations it invents, and how many days they send. */
const LIE = { day: 200, installations: 800, days: 60 }

/** Pings of installations that one address invents on one day, each with as many users as fit. Only 20 of them ever count. */
function inventPings (day: number, midnight: number, hash: string): Arrival[] {
  if (day < LIE.day || day >= LIE.day + LIE.days) return []
  return Array.from({ length: LIE.installations }, (_, number) => ({
    row: rowOf({
      instanceId: `bad0bad0-${number.toString(16).padStart(4, '0')}-4bad-abad-bad0bad0bad0`,
      os: { type: 'Linux', release: '6.6.6', arch: 'x64' },
      env: { nodejs: 'v66.6.6', flowforge: '6.6.6' },
      platform: { counts: { users: 2 ** 31 - 1, teams: 2 ** 31 - 1, projects: 2 ** 31 - 1 }, config: { driver: 'docker' } }
    }, midnight, hash, null),
    networkHash: 'bad0'.padEnd(64, '0')
  }))
}
