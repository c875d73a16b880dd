/** The real timer, even if a test mocks the clock later. */
const { setTimeout, clearTimeout } = globalThis

/** 1.5 times the longest wait of a test, one minute to the daily ping. */
const LIMIT_MS = 90_000

/** Fails with a message if the promise does not settle in time, so that the test does not hang. */
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

/** Polls until a condition holds for which there is no event. */
export function until (what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  const watch = async () => {
    while (!await isSo()) await new Promise((resolve) => { setTimeout(resolve, LOOK_MS) })
  }
  return within(what, watch())
}
