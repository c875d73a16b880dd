/** A machine's clock, which can be wrong, and its uptime, which cannot. */
export function makeClock (start: number) {
  let [real, wrong, uptime] = [start, 0, 0]
  return {
    real: () => real,
    /** Sets the error of the clock in milliseconds; 0 is right. */
    set (by: number) { wrong = by },
    /** Advances the time, also on the database server. */
    pass (ms: number) {
      real += ms
      uptime += ms
    },
    /** Restarts the machine: its uptime starts at zero. */
    boot () { uptime = 0 },
    options: { now: () => real + wrong, uptime: () => uptime, databaseNow: () => real }
  }
}
