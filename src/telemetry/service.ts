import { randomUUID } from 'node:crypto'
import timers from 'node:timers/promises'
import { readTelemetryConfig, type TelemetryConfig } from './config.js'
import { loadTelemetryConfig } from './config-file.js'
import { collectPing } from './collect.js'
import { decideConsent, decideForOperator, isDoubtful, NO_INSTANCE_ID, refuseForHost } from './consent.js'
import { FailureLog } from './delivery/failure-log.js'
import { deliver } from './delivery/retry.js'
import { missingRequirements, readInstanceId, readSetting, type TelemetryHost } from './host.js'
import { PingLog } from './store/ping-log.js'
import { TelemetryOffError, type Consent, type LoggedPing, type PingKind, type PingResult } from './types.js'

/** How long a stopping host waits for a database that does not answer. */
const CANCEL_MS = 2_000

/** Telemetry of one host: decides, collects, records and delivers pings. Starts nothing by itself. */
export class TelemetryService {
  readonly #host: TelemetryHost
  readonly #config: TelemetryConfig
  readonly #failures: FailureLog
  readonly #inFlight = new Map<AbortController, Promise<unknown>>()
  #pingLog: PingLog | undefined
  #loadedConfig: Promise<TelemetryConfig> | undefined

  constructor (host: TelemetryHost) {
    this.#host = host
    this.#config = readTelemetryConfig(host.config?.telemetry, host.config?.locate)
    this.#failures = new FailureLog(host.log)
  }

  /** Where pings are posted to. */
  get url (): string {
    return this.#config.url
  }

  /** Decides whether a ping may be sent now. Settings are read afresh. @throws the host's error if they cannot be read */
  async consent (): Promise<Consent> {
    const decision = await this.#decide()
    return decision.allowed && !await readInstanceId(this.#host.settings) ? NO_INSTANCE_ID : decision
  }

  /** The refusal that an administrator cannot change: the operator's, or the host's. Undefined if there is none. */
  async operatorConsent (): Promise<Consent | undefined> {
    return this.#decideAtOnce() ?? decideForOperator(await this.#loadConfig(), process.env)
  }

  /** Whether telemetry is off because something is unclear or missing, so that the operator should be warned. */
  async isDoubtful ({ allowed, decidedBy }: Consent): Promise<boolean> {
    if (allowed || decidedBy === 'host') return !allowed
    return ['flowforge.yml', 'environment'].includes(decidedBy) && isDoubtful(await this.#loadConfig(), process.env)
  }

  /**
   * The exact text that a ping sent now would carry. Works while telemetry is off, too.
   *
   * @throws TelemetryOffError if the host lacks something, InvalidPingError, or the database's error
   */
  async preview (): Promise<string> {
    this.#assertComplete()
    return collectPing(this.#host)
  }

  /** Sends a ping now and waits for the result: one attempt. @throws TelemetryOffError if consent is refused */
  async send (): Promise<LoggedPing> {
    return await this.#track('manual') as LoggedPing
  }

  /** Sends a scheduled ping, if consent and the other replicas allow it. Every failure ends here. Never throws. */
  async sendOnSchedule (kind: 'boot' | 'daily'): Promise<void> {
    try {
      await this.#track(kind)
    } catch (error) {
      if (error instanceof TelemetryOffError) this.#host.log.debug(error.message)
      else this.#failures.failed(error as Error, false)
    }
  }

  /** The recorded pings, newest first. @throws the database's error */
  async pings (): Promise<LoggedPing[]> {
    return missingRequirements(this.#host) ? [] : this.#openLog().list()
  }

  /**
   * Cancels waiting retries and aborts requests in flight. Resolves when the results are saved, after 2 seconds at most.
   *
   * @param reason what the log says of the cancelled pings
   */
  async cancel (reason: string): Promise<void> {
    const deliveries = [...this.#inFlight.values()]
    for (const cancellation of this.#inFlight.keys()) cancellation.abort(new TelemetryOffError(reason))
    await Promise.race([Promise.allSettled(deliveries), timers.setTimeout(CANCEL_MS, undefined, { ref: false })])
  }

  #track (kind: PingKind): Promise<LoggedPing | undefined> {
    const cancellation = new AbortController()
    const delivery = this.#send(kind, cancellation.signal).finally(() => this.#inFlight.delete(cancellation))
    this.#inFlight.set(cancellation, delivery)
    return delivery
  }

  /**
   * The way of a ping: check consent, collect, claim and record, deliver (checking consent again before each attempt),
   * save the result.
   *
   * @returns the row of the log; undefined if another replica has claimed the ping
   */
  async #send (kind: PingKind, signal: AbortSignal): Promise<LoggedPing | undefined> {
    const assertConsent = () => this.#assertConsent(signal)
    await assertConsent()
    const { log, config: { version } } = this.#host
    const body = await collectPing(this.#host)
    const record = { kind, sentAt: new Date(), idempotencyKey: randomUUID(), url: this.url, body }
    const ping = await this.#openLog().record(record)
    if (!ping) {
      log.debug(`The ${kind} ping was claimed by another replica or earlier by this one, or there were ten within the hour.`)
      return undefined
    }
    const saveResult = (result: PingResult) => this.#saveResult(ping, result)
    const result = await deliver(ping, { url: this.url, version, signal, assertConsent, saveResult, failures: this.#failures })
    await saveResult(result)
    return { ...ping, ...result }
  }

  /** Results outlive a database that does not answer: the log keeps them until it does. */
  async #saveResult ({ id }: LoggedPing, result: PingResult): Promise<void> {
    try {
      await this.#openLog().saveResult(id, result)
    } catch (error) {
      this.#host.log.debug({ err: error }, 'The result of a ping could not be saved yet.')
    }
  }

  async #assertConsent (signal: AbortSignal): Promise<void> {
    const { allowed, explanation } = await this.#decide()
    if (!allowed) throw new TelemetryOffError(explanation)
    // A refusal may have come while consent was being read.
    signal.throwIfAborted()
  }

  /** Evaluates consent only, not whether a ping can be built. */
  async #decide (): Promise<Consent> {
    const operator = await this.operatorConsent()
    if (operator) return operator
    const { settings } = this.#host
    return decideConsent({
      config: this.#config,
      environment: process.env,
      initialised: await readSetting(settings, 'setup:initialised'),
      enabled: await readSetting(settings, 'telemetry:enabled')
    })
  }

  /** What is known without reading a file or a setting. */
  #decideAtOnce (): Consent | undefined {
    const missing = missingRequirements(this.#host)
    return decideForOperator(this.#config, process.env) ?? (missing ? refuseForHost(missing) : undefined)
  }

  /** Reads the operator's file once, when the host starts. */
  #loadConfig (): Promise<TelemetryConfig> {
    return (this.#loadedConfig ??= loadTelemetryConfig(this.#host.config))
  }

  #openLog (): PingLog {
    return (this.#pingLog ??= new PingLog(this.#host.db.sequelize))
  }

  #assertComplete (): void {
    const missing = missingRequirements(this.#host)
    if (missing) throw new TelemetryOffError(refuseForHost(missing).explanation)
  }
}
