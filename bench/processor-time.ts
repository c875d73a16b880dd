/** Processor time of the programs that share the machine with a benchmark, as Linux counts it. */
import { readdirSync, readFileSync } from 'node:fs'

/** In microseconds, since each program began. */
export interface ProcessorTime {
  server: number
  postgres: number
  load: number
}

/** Linux counts in hundredths of a second. */
const TICK = 10_000

interface Process { pid: number, name: string, parent: number, time: number }

/** Undefined if the process has ended, or where there is no /proc. */
function readProcess (pid: number): Process | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [start, end] = [stat.indexOf('('), stat.lastIndexOf(')')]
    const fields = stat.slice(end + 2).split(' ')
    return { pid, name: stat.slice(start + 1, end), parent: Number(fields[1]), time: (Number(fields[11]) + Number(fields[12])) * TICK }
  } catch {
    return undefined
  }
}

/**
 * Reads the times of a server, of the PostgreSQL that this process has started, and of this process, which is the load.
 *
 * @returns undefined where there is no /proc
 */
export function readProcessorTime (server: number): ProcessorTime | undefined {
  const own = readProcess(server)
  if (!own) return undefined
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => readProcess(Number(name)) ?? [])
  const main = all.find(({ name, parent }) => name === 'postgres' && parent === process.pid)?.pid
  const { user, system } = process.cpuUsage()
  const postgres = all.filter(({ pid, parent }) => main !== undefined && (pid === main || parent === main))
  return { server: own.time, postgres: postgres.reduce((sum, { time }) => sum + time, 0), load: user + system }
}
