import { connect } from '../storage/connect.js'
import type { Database } from '../storage/database.js'
import { newestDay, readDaily, readReport, type DailyRow, type Range, type Report } from './read-report.js'

/** The number of cached reports. Finished days do not change, so a report is valid until there is a newer day. */
const MOST_KEPT = 20

/** The source of the report, with a connection of its own, so that it does not delay pings. */
export interface Source {
  newest: () => Promise<number | undefined>
  report: (range: Range) => Promise<Report>
  daily: (range: Range, figures?: string[]) => Promise<DailyRow[]>
  close: () => Promise<void>
}

/** Creates a source that connects on first use. If that fails, the next use tries again. */
export function openSource (databaseUrl: string): Source {
  let opening: Promise<Database> | undefined
  const kept = new Map<string, Promise<Report>>()

  async function open (): Promise<Database> {
    opening ??= connect(databaseUrl, 'report').catch((error) => {
      opening = undefined
      throw error
    })
    return opening
  }
  return {
    newest: async () => newestDay(await open()),
    async report (range) {
      const db = await open()
      const key = [await newestDay(db), range.from, range.to].join()
      const known = kept.get(key)
      if (known) return known
      const report = readReport(db, range)
      report.catch(() => kept.delete(key))
      kept.set(key, report)
      if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value!)
      return report
    },
    daily: async (range, figures) => readDaily(await open(), range, figures),
    close: async () => (await opening?.catch(() => undefined))?.close()
  }
}
