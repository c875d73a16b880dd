import type { FastifyBaseLogger, FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { readTelemetryConfig } from './config.js'
import { decideForOperator, isDoubtful } from './consent.js'
import { reasonOf } from './describe-error.js'
import type { TelemetryHost } from './host.js'
import type { Forgotten } from './rights.js'
import { startSchedule, type Schedule } from './schedule.js'
import type { TelemetryService } from './service.js'
import { SCHEMA_VERSION, type Consent, type LoggedPing, type NewProperty } from './types.js'

/**
 * Replacements for the decorators `app.config`, `app.settings` and `app.db`, for a host that names them differently.
 */
export type TelemetryOptions = Partial<Pick<TelemetryHost, 'config' | 'settings' | 'db'>>

/** The decorator `app.telemetry`. */
export interface Telemetry {
  /** Where pings are posted to; null while that is unknown, which also turns telemetry off. */
  readonly url: string | null
  /** Decides whether a ping may be sent now, and says who decided. Settings are read afresh. */
  consent: () => Promise<Consent>
  /** Returns the refusal that an administrator cannot change, the operator's or the host's; undefined if none. */
  operatorConsent: () => Promise<Consent | undefined>
  /**
   * Returns the exact text of a ping sent now. Works while telemetry is off, too: it then has every property that
   * turning telemetry on would agree to.
   */
  preview: () => Promise<string>
  /** The current version of the ping's schema. A host stores it as `telemetry:schema` when telemetry is turned on. */
  readonly schemaVersion: number
  /** Lists the properties that this release could send but that are not agreed to; empty while telemetry is off. */
  newProperties: () => Promise<NewProperty[]>
  /**
   * Sends a ping now and waits for the result. If there is a ping with this idempotency key, returns it and sends none.
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
  /** Returns when the boot ping is due; null after that, or if the operator has turned telemetry off. */
  nextBoot: () => Date | null
  /** Returns when the next daily ping is due; null if the operator has turned telemetry off. */
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
  const service = createLoader(() => readHost(app, options))
  let schedule: Schedule | undefined
  let announced: Promise<void> | undefined

  const readUrl = () => service.loaded ? service.loaded.url : readConfig(readHost(app, options)).url
  app.decorate('telemetry', createDecorator(readUrl, service.load, () => schedule))
  // Not awaited: however slow the database is, the host starts without waiting for telemetry.
  app.addHook('onReady', async () => { announced = start().catch(warn) })
  // In preClose, because a request that the server waits for may itself be waiting for a ping.
  app.addHook('preClose', async () => (await service.loading)?.cancel('the platform is stopping'))
  app.addHook('onClose', async () => {
    schedule?.stop()
    await announced
  })

  /**
   * Starts the schedule, and logs whether telemetry is on. Reads the host only once it is ready, so that the order in
   * which plugins are registered does not matter.
   */
  async function start (): Promise<void> {
    const host = readHost(app, options)
    const config = readConfig(host)
    const refusal = decideForOperator(config, process.env)
    // Returns before anything else is loaded: telemetry that the operator has turned off must cost next to nothing.
    if (refusal) return app.log[isDoubtful(config, process.env) ? 'warn' : 'info'](refusal.explanation)
    schedule = startSchedule((kind) => service.load().then((loaded) => loaded.sendOnSchedule(kind)).catch(warn))
    const loaded = await service.load()
    subscribe(host, loaded)
    if (await loaded.operatorConsent()) {
      schedule.stop()
      schedule = undefined
    }
    await logState(app.log, loaded)
  }

  function warn (error: unknown): void {
    app.log.warn(`Telemetry is off while its settings cannot be read (${reasonOf(error)}).`)
  }
}

/** Loads the service once. After a failure, for example while files are being upgraded, the next call tries again. */
function createLoader (read: () => TelemetryHost) {
  let loading: Promise<TelemetryService> | undefined
  let loaded: TelemetryService | undefined
  return {
    get loaded () { return loaded },
    /** The service that is loaded or being loaded; undefined if nobody has asked for it, or if that failed. */
    get loading () { return loading?.catch(() => undefined) },
    load (): Promise<TelemetryService> {
      loading ??= import('./service.js').then(({ TelemetryService }) => {
        loaded = new TelemetryService(read())
        return loaded
      })
      return loading.catch((error: unknown) => {
        /* c8 ignore next 2 -- tested in a copy of these files (plugin.test.ts) */
        loading = undefined
        throw error
      })
    }
  }
}

/** Builds `app.telemetry`. @param readSchedule undefined if nothing is scheduled */
function createDecorator (
  readUrl: () => string | null, load: () => Promise<TelemetryService>, readSchedule: () => Schedule | undefined
): Telemetry {
  return {
    get url () { return readUrl() },
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
    nextBoot: () => readSchedule()?.nextBoot() ?? null,
    nextDaily: () => readSchedule()?.nextDaily() ?? null
  }
}

/** Logs whether telemetry is on and why, and the properties that have not been agreed to. */
async function logState (log: FastifyBaseLogger, service: TelemetryService): Promise<void> {
  const consent = await service.consent()
  log[await service.isDoubtful(consent) ? 'warn' : 'info'](consent.explanation)
  const names = (await service.newProperties()).map(({ path }) => path)
  /* c8 ignore next 4 -- tested with a copy that has new properties (new-properties.test.ts) */
  if (names.length > 0) {
    log.info(`The telemetry of this release can also send ${names.join(', ')}. ` +
      'That is not sent until an administrator has agreed in Admin Settings.')
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

/** Aborts pings in flight as soon as telemetry is turned off, if the host can notify. */
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
// Makes `require()` return the plugin itself.
export { telemetry as 'module.exports' }
export type { TelemetryHost } from './host.js'
export type { Forgotten } from './rights.js'
export type { Consent, LoggedPing, NewProperty } from './types.js'
