import type { TelemetryConfig } from './config.js'
import { loadTelemetryConfig } from './config-file.js'
import { decideBySettings, decideForOperator, isDoubtful, NO_INSTANCE_ID, refuseForHost } from './consent.js'
import { missingRequirements, readInstanceId, readSetting, type TelemetryHost } from './host.js'
import { TelemetryOffError, type Consent } from './types.js'

/** Reads consent: flowforge.yml once, the environment and the host's settings each time. */
export class ConsentReader {
  readonly #host: TelemetryHost
  readonly #config: TelemetryConfig
  #loading: Promise<TelemetryConfig> | undefined
  #url: string | null

  constructor (host: TelemetryHost, config: TelemetryConfig) {
    this.#host = host
    this.#config = config
    this.#url = config.url
  }

  /** Where pings go; null while that is unclear. The rest of the file counts, too, once it is read. */
  get url (): string | null {
    return this.#url
  }

  /** Decides whether a ping may be sent now. @throws the host's error if its settings cannot be read */
  async read (): Promise<Consent> {
    const decision = await this.#decide()
    return decision.allowed && !await readInstanceId(this.#host.settings) ? NO_INSTANCE_ID : decision
  }

  /** Returns the refusal that an administrator cannot change, the operator's or the host's; undefined if none. */
  async readOperator (): Promise<Consent | undefined> {
    return this.#decideAtOnce() ?? decideForOperator(await this.#loadConfig(), process.env) ?? await this.#readForeign()
  }

  /** Decides by the host's settings alone, without the operator. */
  async readSettings (): Promise<Consent> {
    const { settings } = this.#host
    return decideBySettings({
      initialised: await readSetting(settings, 'setup:initialised'),
      enabled: await readSetting(settings, 'telemetry:enabled')
    })
  }

  /** Checks whether telemetry is off because something is unclear or missing, which should be logged as a warning. */
  async isDoubtful ({ allowed, decidedBy }: Consent): Promise<boolean> {
    if (allowed || decidedBy === 'host') return !allowed
    return ['flowforge.yml', 'environment'].includes(decidedBy) && isDoubtful(await this.#loadConfig(), process.env)
  }

  /** @throws TelemetryOffError if a ping may not be sent; the signal's reason if it was aborted meanwhile */
  async assertPing (signal: AbortSignal): Promise<void> {
    const { allowed, explanation } = await this.#decide()
    if (!allowed) throw new TelemetryOffError(explanation)
    signal.throwIfAborted()
  }

  /**
   * Checks whether the receiver may be asked what it holds, or to delete it. That is allowed after an administrator has
   * turned telemetry off, but not if the operator has, or before the setup is finished.
   *
   * @throws TelemetryOffError if the receiver may not be asked; the signal's reason if it was aborted meanwhile
   */
  async assertRequest (signal: AbortSignal): Promise<void> {
    const { allowed, decidedBy, explanation } = await this.#decide()
    if (!allowed && decidedBy !== 'administrator') throw new TelemetryOffError(explanation)
    signal.throwIfAborted()
  }

  /** @throws TelemetryOffError if the host lacks something */
  assertComplete (): void {
    const missing = missingRequirements(this.#host)
    if (missing) throw new TelemetryOffError(refuseForHost(missing).explanation)
  }

  /** Evaluates consent only, not whether a ping can be built. */
  async #decide (): Promise<Consent> {
    return await this.readOperator() ?? await this.readSettings()
  }

  /** Decides as far as possible without reading a file or a setting; undefined if that is not enough to refuse. */
  #decideAtOnce (): Consent | undefined {
    const missing = missingRequirements(this.#host)
    return decideForOperator(this.#config, process.env) ?? (missing ? refuseForHost(missing) : undefined)
  }

  /** The operator's refusal at another process. The explanation names its place there. */
  async #readForeign (): Promise<Consent | undefined> {
    const explanation = await this.#host.settings.readForeignRefusal?.()
    return explanation === undefined ? undefined : { allowed: false, decidedBy: 'environment', explanation }
  }

  #loadConfig (): Promise<TelemetryConfig> {
    return (this.#loading ??= loadTelemetryConfig(this.#host.config).then((config) => {
      this.#url = config.url
      return config
    }))
  }
}
