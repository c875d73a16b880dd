/** Loaded before a program: the 5 seconds after which it gives up a connection to its database take half a second. */
const { setTimeout } = globalThis
const LIMIT_MS = 5_000
const SHORT_MS = 500

globalThis.setTimeout = ((act: () => void, ms = 0, ...args: []) => (
  setTimeout(act, ms === LIMIT_MS ? SHORT_MS : ms, ...args))) as typeof setTimeout
