import type { ConnectionOptions } from './connection.js'

/** How often consent is read while a request is out. */
const CONSENT_CHECK_MS = 1_000

/**
 * Runs a request while consent holds. Reads consent before it, whenever it calls `beforeWrite`, and once a second. So a
 * request is aborted even if telemetry was turned off by another process, or in a host that cannot notify.
 *
 * @param assertConsent throws if consent is refused
 * @param run gets the signal that aborts it
 * @throws the refusal, the signal's reason, or the request's error
 */
export async function whileAllowed<T> (
  assertConsent: () => Promise<void>, signal: AbortSignal, run: (options: ConnectionOptions) => Promise<T>
): Promise<T> {
  await assertConsent()
  const withdrawal = new AbortController()
  const beforeWrite = async () => {
    try {
      await assertConsent()
    } catch (error) {
      withdrawal.abort(error)
      throw error
    }
  }
  let isChecking = false
  const timer = setInterval(() => {
    // A slow database is asked once at a time.
    if (isChecking) return
    isChecking = true
    beforeWrite().catch(() => {}).finally(() => { isChecking = false })
  }, CONSENT_CHECK_MS).unref()
  try {
    return await run({ signal: AbortSignal.any([signal, withdrawal.signal]), beforeWrite })
  } finally {
    clearInterval(timer)
  }
}
