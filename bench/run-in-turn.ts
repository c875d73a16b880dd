/** How contestants of a benchmark are timed, and how long each of them holds the event loop up. */

/** Does once what is to be timed. */
export type Contestant = () => Promise<unknown>

/** One value a round, in milliseconds. */
export interface Figures {
  wall: number[]
  /** The longest time that a timer of one millisecond came too late. */
  stall: number[]
}

/** Each round runs every contestant once, so that a machine that slows down slows all of them. */
export async function runInTurn (contestants: Record<string, Contestant>, rounds: number): Promise<Record<string, Figures>> {
  const figures = Object.fromEntries(Object.keys(contestants).map((name) => [name, { wall: [], stall: [] } as Figures]))
  for (let round = -1; round < rounds; round++) {
    for (const [name, run] of Object.entries(contestants)) {
      const { wall, stall } = await time(run)
      if (round < 0) continue
      figures[name]!.wall.push(wall)
      figures[name]!.stall.push(stall)
    }
  }
  return figures
}

/** Runs once, and watches how long the event loop was not free meanwhile, in milliseconds. */
async function time (run: Contestant): Promise<{ wall: number, stall: number }> {
  let stall = 0
  let last = performance.now()
  const watch = setInterval(() => {
    const now = performance.now()
    stall = Math.max(stall, now - last - 1)
    last = now
  }, 1)
  const started = performance.now()
  await run()
  const wall = performance.now() - started
  stall = Math.max(stall, performance.now() - last - 1)
  clearInterval(watch)
  return { wall, stall }
}
