import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { readTelemetryConfig } from './config.js'
import { decideForOperator, isDoubtful } from './consent.js'
import { reasonOf } from './describe-error.js'
import type { TelemetryHost } from './host.js'
import type { Forgotten } from './rights.js'
import { startSchedule, type Schedule } from './schedule.js'
import type { TelemetryService } from './service.js'
import { SCHEMA_VERSION, type Consent, type LoggedPing, type NewProperty } from './types.js'

/** What a host with other names passes in place of its decorators `app.config`, `app.settings` and `app.db`. */
export type TelemetryOptions = Partial<Pick<TelemetryHost, 'config' | 'settings' | 'db'>>

/** What the plugin decorates the host with, as `app.telemetry`. */
export interface Telemetry {
  /** Where pings are posted to; null while that is in doubt, and telemetry off for it. */
  readonly url: string | null
  /** Decides whether a ping may be sent now, and says who decided. Settings are read afresh. */
  consent: () => Promise<Consent>
  /** The refusal that an administrator cannot change: the operator's, or the host's. Undefined if there is none. */
  operatorConsent: () => Promise<Consent | undefined>
  /** The exact text that a ping sent now would carry. Works while telemetry is off: then it has all that a yes would cover. */
  preview: () => Promise<string>
  /** The version of the ping that a yes given now covers: what a host stores as `telemetry:schema` with a yes. */
  readonly schemaVersion: number
  /** The properties that this release can send, and that the yes does not cover; none while telemetry is off. */
  newProperties: () => Promise<NewProperty[]>
  /**
   * Sends a ping now and waits for the result. Where a ping has this idempotency key already, returns that one.
   *
   * @throws an error with the code `telemetry_off` if consent is refused
   */
  send: (idempotencyKey?: string) => Promise<LoggedPing>
  /** The newest pings of the log, newest first: 100, unless a limit asks for fewer; before an id, if one is given. */
  pings: (limit?: number, before?: number) => Promise<LoggedPing[]>
  /** One ping of the log by its id; undefined if it is not, or no longer, there. */
  ping: (id: number) => Promise<LoggedPing | undefined>
  /**
   * Asks the receiver what it holds of this installation.
   *
   * @throws an error with the code `telemetry_off`, `right_not_offered` or `receiver_unavailable`
   */
  held: () => Promise<object>
  /** Asks the receiver to delete what it holds of an id of this installation. @throws as `held` does */
  forget: (instanceId: string) => Promise<Forgotten>
  /** When the boot ping is due; null once its time has come, or if the operator has turned telemetry off. */
  nextBoot: () => Date | null
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
  let loading: Promise<TelemetryService> | undefined
  let loaded: TelemetryService | undefined
  let schedule: Schedule | undefined
  let announced: Promise<void> | undefined

  app.decorate('telemetry', {
    get url () { return loaded ? loaded.url : readConfig(readHost(app, options)).url },
    consent: async () => (await load()).consent(),
    operatorConsent: async () => (await load()).operatorConsent(),
    preview: async () => (await load()).preview(),
    schemaVersion: SCHEMA_VERSION,
    newProperties: async () => (await load()).newProperties(),
    send: async (idempotencyKey) => (await load()).send(idempotencyKey),
    pings: async (limit, before) => (await load()).pings(limit, before),
    ping: async (id) => (await load()).ping(id),
    held: async () => (await load()).held(),
    forget: async (instanceId) => (await load()).forget(instanceId),
    nextBoot: () => schedule?.nextBoot() ?? null,
    nextDaily: () => schedule?.nextDaily() ?? null
  })
  // Not awaited: however slow the database is, the host starts without waiting for telemetry.
  app.addHook('onReady', async () => { announced = start().catch(warn) })
  // Before the server waits for its last requests: one of them may itself be waiting for a ping.
  app.addHook('preClose', async () => (await loading?.catch(() => undefined))?.cancel('the platform is stopping'))
  app.addHook('onClose', async () => {
    schedule?.stop()
    await announced
  })

  /**
   * Reads the host, starts the schedule, and writes the one line of the boot log: on or off, and why. The host is read
   * now that it is ready, so that the order of registration does not matter.
   */
  async function start (): Promise<void> {
    const host = readHost(app, options)
    const config = readConfig(host)
    const refusal = decideForOperator(config, process.env)
    // Nothing else is loaded: a host in which the operator has turned telemetry off pays for little more than this.
    if (refusal) return app.log[isDoubtful(config, process.env) ? 'warn' : 'info'](refusal.explanation)
    schedule = startSchedule((kind) => load().then((service) => service.sendOnSchedule(kind)).catch(warn))
    const service = await load()
    subscribe(host, service)
    if (await service.operatorConsent()) {
      schedule.stop()
      schedule = undefined
    }
    const consent = await service.consent()
    app.log[await service.isDoubtful(consent) ? 'warn' : 'info'](consent.explanation)
    const names = (await service.newProperties()).map(({ path }) => path)
    if (names.length > 0) {
      app.log.info(`The telemetry of this release can also send ${names.join(', ')}. ` +
        'That is not sent until an administrator has agreed in Admin Settings.')
    }
  }

  /** Loads the service once; after a failure, as during an upgrade, the next call tries again. */
  function load (): Promise<TelemetryService> {
    loading ??= import('./service.js').then(({ TelemetryService }) => {
      loaded = new TelemetryService(readHost(app, options))
      return loaded
    })
    return loading.catch((error: unknown) => {
      loading = undefined
      throw error
    })
  }

  function warn (error: unknown): void {
    app.log.warn(`Telemetry is off while its settings cannot be read (${reasonOf(error)}).`)
  }
}

const readConfig = ({ config }: TelemetryHost) => readTelemetryConfig(config?.telemetry, config?.locate)

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
export type { Forgotten } from './rights.js'
export type { Consent, LoggedPing, NewProperty } from './types.js'
