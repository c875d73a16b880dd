/** As time really goes, also where a test has taken the clock over since. */
const { setTimeout, clearTimeout } = globalThis

/** Half as long again as the longest wait of a test, a minute to the daily ping. */
const LIMIT_MS = 90_000

/** Lets what never happens fail its test in words, and not hang it. */
export async function within<T> (what: string, happening: Promise<T>, limit = LIMIT_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => { reject(new Error(`${what}: not within ${limit / 1_000} s`)) }, limit).unref()
  })
  try {
    return await Promise.race([happening, tooLate])
  } finally {
    clearTimeout(timer)
  }
}

const LOOK_MS = 10

/** Waits until something is so that no event tells. */
export function until (what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  const watch = async () => {
    while (!await isSo()) await new Promise((resolve) => { setTimeout(resolve, LOOK_MS) })
  }
  return within(what, watch())
}
