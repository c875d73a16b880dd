import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import type { TelemetryHost } from './host.js'
import { startSchedule, type Schedule } from './schedule.js'
import { TelemetryService } from './service.js'
import type { Consent, LoggedPing } from './types.js'

/** What a host with other names passes in place of its decorators `app.config`, `app.settings` and `app.db`. */
export type TelemetryOptions = Partial<Pick<TelemetryHost, 'config' | 'settings' | 'db'>>

/** What the plugin decorates the host with, as `app.telemetry`. */
export interface Telemetry {
  /** Where pings are posted to. */
  readonly url: string
  /** Decides whether a ping may be sent now, and says who decided. Settings are read afresh. */
  consent: () => Promise<Consent>
  /** The refusal that an administrator cannot change: the operator's, or the host's. Undefined if there is none. */
  operatorConsent: () => Promise<Consent | undefined>
  /** The exact text that a ping sent now would carry. Works while telemetry is off, too. */
  preview: () => Promise<string>
  /** Sends a ping now and waits for the result. @throws an error with the code `telemetry_off` if consent is refused */
  send: () => Promise<LoggedPing>
  /** The last 100 pings, newest first. */
  pings: () => Promise<LoggedPing[]>
  /** When the daily ping is due next; null if the operator has turned telemetry off. */
  nextDaily: () => Date | null
}

declare module 'fastify' {
  interface FastifyInstance {
    telemetry: Telemetry
  }
}

const plugin: FastifyPluginAsync<TelemetryOptions> = async (app, options) => {
  if (app.hasDecorator('telemetry')) {
    app.log.warn('Telemetry is off: app.telemetry is decorated already. Register the plugin once.')
    return
  }
  let service: TelemetryService | undefined
  let schedule: Schedule | undefined
  let announced: Promise<void> | undefined
  // The host is read when it is ready, so that the order of registration does not matter.
  const telemetry = () => (service ??= new TelemetryService(readHost(app, options)))

  app.decorate('telemetry', {
    get url () { return telemetry().url },
    consent: () => telemetry().consent(),
    operatorConsent: () => telemetry().operatorConsent(),
    preview: () => telemetry().preview(),
    send: () => telemetry().send(),
    pings: () => telemetry().pings(),
    nextDaily: () => schedule?.nextDaily() ?? null
  })
  app.addHook('onReady', async () => {
    // Not awaited: however slow the database is, the host starts without waiting for telemetry.
    schedule = startSchedule((kind) => telemetry().sendOnSchedule(kind))
    announced = start()
  })
  // Before the server waits for its last requests: one of them may itself be waiting for a ping.
  app.addHook('preClose', () => telemetry().cancel('the platform is stopping'))
  app.addHook('onClose', async () => {
    schedule?.stop()
    await announced
  })

  /** Writes the one line of the boot log: on or off, and why. A failure here does not stop the host. */
  async function start (): Promise<void> {
    try {
      subscribe(readHost(app, options), telemetry())
      if (await telemetry().operatorConsent()) {
        schedule?.stop()
        schedule = undefined
      }
      const consent = await telemetry().consent()
      app.log[await telemetry().isDoubtful(consent) ? 'warn' : 'info'](consent.explanation)
    } catch (error) {
      app.log.warn({ err: error }, 'Telemetry is off while its settings cannot be read.')
    }
  }
}

function readHost (app: FastifyInstance, options: TelemetryOptions): TelemetryHost {
  const decorators = app as Partial<TelemetryHost>
  return {
    config: options.config ?? decorators.config,
    settings: options.settings ?? decorators.settings,
    db: options.db ?? decorators.db,
    log: app.log
  } as TelemetryHost
}

/** In hosts that notify of a changed setting, a refusal aborts what is in flight at once. */
function subscribe ({ settings }: TelemetryHost, service: TelemetryService): void {
  if (typeof settings?.onChange !== 'function') return
  settings.onChange((key, value) => {
    if (key !== 'telemetry:enabled' || value === true) return undefined
    return service.cancel('telemetry was turned off in the settings')
  })
}

/** Anonymous usage telemetry, embedded in a Fastify platform. */
const telemetry = fp(plugin, { name: 'flowforge-telemetry', fastify: '5.x' })

export default telemetry
// What `require()` returns: the plugin itself.
export { telemetry as 'module.exports' }
export type { TelemetryHost } from './host.js'
export type { Consent, LoggedPing } from './types.js'
