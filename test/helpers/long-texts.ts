import assert from 'node:assert/strict'

/** One character of each class that patterns distinguish. */
export const CHARACTERS = [
  'a', 'Z', '7', ' ', '\t', '\0', '\u00a0', '@', '.', '-', '_', '"', '\\', '%',
  'ü', '漢', '😀', '\u0301', '\ud800', 'a@', 'a.', ' a', '\\"']

/** Characters that are valid in a header, including those of addresses, origins, cookies and media types. */
export const HEADER_CHARACTERS = [
  'a', '7', ' ', '.', '-', '_', '"', '\\', '%', ',', ';', ':', '/', '=', '[', ']',
  '1.', '1:', '::', '%a', ', ', '; ', 'a=', ' a', ']:1', 'Bearer ']

export const textOf = (length: number, character: string, ending = '') => character.repeat(length / character.length) + ending

/** Milliseconds of processor time. */
export async function measure (run: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  await run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

/** Milliseconds allowed for garbage collection and noise; a backtracking pattern takes seconds for such a text. */
const NOISE_MS = 50

/** Further attempts, because garbage collection may slow down several on a busy machine. */
const ATTEMPTS = 4

/** Checks that a request with a long text takes hardly more processor time than one with a short text. */
export async function assertBounded (
  name: string, send: (length: number) => Promise<unknown>, lengths: [short: number, long: number]
): Promise<void> {
  const [short, long] = lengths
  const bound = 5 * await measure(() => send(short)) + NOISE_MS
  let least = await measure(() => send(long))
  for (let again = 0; again < ATTEMPTS && least >= bound; again++) least = Math.min(least, await measure(() => send(long)))
  assert.ok(least < bound, `${name}: ${least} ms, ${bound} ms at most`)
}
