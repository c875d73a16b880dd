import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { createTelemetry, type Telemetry } from './control.js'
import type { TelemetryHost } from './host.js'
import type { Schedule } from './schedule.js'

/** What telemetry gives its host as `app.telemetry`. */
export interface TelemetryControl extends Telemetry {
  /** When the daily ping is due next; null where the operator's no keeps the clock from starting. */
  nextDaily: () => Date | null
}

declare module 'fastify' {
  interface FastifyInstance {
    telemetry: TelemetryControl
  }
}

const plugin: FastifyPluginAsync = async (app) => {
  const { config, settings, db, log } = app as unknown as TelemetryHost
  const { isDoubtful, recordedPings, sendOnSchedule, cancel, ...control } = createTelemetry({ config, settings, db, log })
  let schedule: Schedule | undefined
  let announced: Promise<void> | undefined

  app.decorate('telemetry', { ...control, nextDaily: () => schedule?.nextDaily() ?? null })
  if (typeof settings?.onChange === 'function') {
    settings.onChange((key, value) => {
      if (key === 'telemetry:enabled' && value !== true) cancel('an administrator turned telemetry off')
    })
  }
  app.addHook('onReady', async () => {
    // Not awaited: however slow the database is, the host starts without waiting for telemetry.
    announced = announce()
    if (control.operatorSays()) return
    const { startSchedule } = await import('./schedule.js')
    schedule = startSchedule(sendOnSchedule)
  })
  // Before the server waits for its last requests: one of them may itself be waiting for a ping.
  app.addHook('preClose', () => cancel('the platform is stopping'))
  app.addHook('onClose', async () => {
    schedule?.stop()
    await announced
  })

  /** The boot log's one line: on or off, and why. */
  async function announce (): Promise<void> {
    try {
      const consent = await control.consent()
      log[isDoubtful(consent) ? 'warn' : 'info'](consent.explanation)
    } catch (error) {
      log.warn({ err: error }, 'Telemetry is off while its settings cannot be read.')
    }
  }
}

/** Anonymous usage telemetry, embedded in a platform: wires the pieces, decides nothing. */
const telemetry = fp(plugin, {
  name: 'app.telemetry', dependencies: ['app.config', 'app.settings', 'app.db'], fastify: '5.x'
})

export default telemetry
// What `require('flowforge/telemetry')` gives: the plugin itself.
export { telemetry as 'module.exports' }
export type { Consent } from './consent.js'
export type { TelemetryHost } from './host.js'
export type { LoggedPing } from './store/ping-log.js'
