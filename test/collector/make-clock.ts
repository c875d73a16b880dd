/** A machine's clock, which can be wrong, beside the time that really goes by. */
export function makeClock (start: number) {
  let [real, wrong, uptime] = [start, 0, 0]
  return {
    real: () => real,
    /** Sets it so many milliseconds wrong; 0 is right. */
    set (by: number) { wrong = by },
    /** Lets time go by, on the database server, too. */
    pass (ms: number) {
      real += ms
      uptime += ms
    },
    /** The machine starts anew: its uptime begins again. */
    boot () { uptime = 0 },
    options: { now: () => real + wrong, uptime: () => uptime, databaseNow: () => real }
  }
}
