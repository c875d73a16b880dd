/** The tables and the findings of `npm run bench:report`. */
import { estimate, median, type Table } from './publish.js'

export type Kind = 'postgres' | 'sqlite'

/** What was put into a database: milliseconds, and bytes on the disk. */
export interface Stored {
  loading: number
  counting: number
  bytesOfPings: number
  bytesOfInstallations: number
}

export interface Measured extends Stored {
  kind: Kind
  installations: number
  /** Of each installation. */
  pings: number
  /** Milliseconds of the first report, of the same again, and of one that is not in memory. */
  first: number
  second: number
  uncached: number
  /** The pace of the intake with a reader beside that without, round by round. */
  intake: number[]
}

export const NAMES: Record<Kind, string> = { postgres: 'PostgreSQL', sqlite: 'SQLite' }

const count = (value: number) => Math.round(value).toLocaleString('en')

export function tablesOf (measured: Measured[]): Table[] {
  return Object.keys(NAMES).map((kind) => measured.filter((row) => row.kind === kind)).filter(({ length }) => length > 0)
    .map((rows) => ({
      title: `The report, on ${NAMES[rows[0]!.kind]}`,
      columns: [
        'installations', 'pings of each', 'first report, ms', 'the same again, ms', 'not in memory, ms', 'intake beside no reader',
        'counting a day, s', 'bytes of a ping', 'of an installation'
      ],
      rows: rows.map((row) => [
        count(row.installations), count(row.pings), row.first.toFixed(0), row.second.toFixed(1), row.uncached.toFixed(1),
        estimate(row.intake, 2), (row.counting / 1000).toFixed(1), count(row.bytesOfPings / row.installations / row.pings),
        count(row.bytesOfInstallations / row.installations)
      ])
    }))
}

/** How much longer the report takes that has a hundred times the pings. */
function growths (measured: Measured[]): string[] {
  return measured.filter(({ pings }) => pings === 100).flatMap(({ kind, installations, uncached }) => {
    const few = measured.find((row) => row.kind === kind && row.installations === installations && row.pings === 1)
    return few ? [`${(uncached / few.uncached).toFixed(2)} (${count(installations)}, ${NAMES[kind]})`] : []
  })
}

export function findingsOf (measured: Measured[]): string[] {
  const large = measured.filter(({ kind, installations }) => kind === 'postgres' && installations === 1_000_000)
  const most = (of: (row: Measured) => number) => Math.max(...large.map(of)).toFixed(0)
  return [
    'The report reads the figures of finished days alone: its time depends on neither installations nor pings.',
    ...growths(measured).length > 0
      ? [`With a hundred times the pings it takes ${growths(measured).join(', ')} times as long; the aim is at most 1.2.`]
      : [],
    ...large.length > 0
      ? [`With a million installations on PostgreSQL the first report takes ${most(({ first }) => first)} ms at most, the same again ` +
          `${most(({ second }) => second)}, one that is not in memory ${most(({ uncached }) => uncached)}; ` +
          'the aims are 1,000 for the first and 200 for others.']
      : [],
    `With a reader each second the intake takes ${estimate(measured.flatMap(({ intake }) => intake), 2)} of the pings; the aim is at ` +
      `least 0.90, and the least median of one line is ${Math.min(...measured.map(({ intake }) => median(intake))).toFixed(2)}.`
  ]
}
