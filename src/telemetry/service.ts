import { randomUUID } from 'node:crypto'
import timers from 'node:timers/promises'
import { readTelemetryConfig } from './config.js'
import { collectPing } from './collect.js'
import { NO_INSTANCE_ID } from './consent.js'
import { FailureLog } from './delivery/failure-log.js'
import { deliver } from './delivery/retry.js'
import { whileAllowed } from './delivery/while-allowed.js'
import { reasonOf } from './describe-error.js'
import { missingRequirements, readAgreedVersion, readInstanceId, type TelemetryHost } from './host.js'
import { ConsentReader } from './read-consent.js'
import { requestForget, requestHeld, type Forgotten } from './rights.js'
import { PingLog } from './store/ping-log.js'
import {
  SCHEMA_VERSION, TelemetryOffError,
  type Consent, type LoggedPing, type NewProperty, type PingKind, type PingResult
} from './types.js'

/** How long a stopping host waits for a database that does not answer. */
const CANCEL_MS = 2_000

/** Decides on, collects, records and delivers the pings of one host. Sends nothing until it is called. */
export class TelemetryService {
  readonly #host: TelemetryHost
  readonly #consent: ConsentReader
  readonly #failures: FailureLog
  readonly #inFlight = new Map<AbortController, Promise<unknown>>()
  /** Manual pings in flight, by idempotency key. */
  readonly #manual = new Map<string, Promise<LoggedPing>>()
  #pingLog: PingLog | undefined

  constructor (host: TelemetryHost) {
    this.#host = host
    this.#consent = new ConsentReader(host, readTelemetryConfig(host.config?.telemetry, host.config?.locate))
    this.#failures = new FailureLog(host.log)
  }

  /** Where pings are posted to; null while that is unclear. */
  get url (): string | null {
    return this.#consent.url
  }

  /** Decides whether a ping may be sent now. Rereads the settings. @throws the host's error if they cannot be read */
  consent (): Promise<Consent> {
    return this.#consent.read()
  }

  /** Returns the refusal that an administrator cannot change, the operator's or the host's; undefined if none. */
  operatorConsent (): Promise<Consent | undefined> {
    return this.#consent.readOperator()
  }

  /** Checks whether telemetry is off because something is unclear or missing, which should be logged as a warning. */
  isDoubtful (consent: Consent): Promise<boolean> {
    return this.#consent.isDoubtful(consent)
  }

  /**
   * Returns the exact text of a ping sent now. Works while telemetry is off, too: if the setup is not finished, or an
   * administrator has turned telemetry off, it has every property that turning it on would agree to.
   *
   * @throws TelemetryOffError if the host lacks something, InvalidPingError, or the database's error
   */
  async preview (): Promise<string> {
    this.#consent.assertComplete()
    const { allowed } = await this.#consent.readSettings()
    const version = allowed ? await readAgreedVersion(this.#host.settings) : SCHEMA_VERSION
    // A host that stops must not close its database during the transaction.
    return this.#track(() => collectPing(this.#host, version))
  }

  /** Lists the properties that this release could send but that are not agreed to; empty while telemetry is off. */
  async newProperties (): Promise<NewProperty[]> {
    if (!(await this.consent()).allowed) return []
    const agreed = await readAgreedVersion(this.#host.settings)
    if (agreed >= SCHEMA_VERSION) return []
    /* c8 ignore next 2 -- tested with a copy that has new properties (new-properties.test.ts) */
    const { propertiesSince } = await import('./ping.js')
    return propertiesSince(agreed).map(({ path, schema: { description, why } }) => ({ path, description, why }))
  }

  /**
   * Sends a ping now, in one attempt, and waits for the result.
   *
   * @param idempotencyKey a UUID; if there is a ping with this key, it is returned and none is sent
   * @throws TelemetryOffError if consent is refused
   */
  send (idempotencyKey: string = randomUUID()): Promise<LoggedPing> {
    const running = this.#manual.get(idempotencyKey)
    if (running) return running
    const sending = this.#sendOnce(idempotencyKey).finally(() => this.#manual.delete(idempotencyKey))
    this.#manual.set(idempotencyKey, sending)
    return sending
  }

  async #sendOnce (idempotencyKey: string): Promise<LoggedPing> {
    const sent = await this.#track((signal) => this.#send('manual', idempotencyKey, signal))
    return sent ?? (await this.#openLog().find(idempotencyKey))!
  }

  /** Sends a scheduled ping, unless consent is refused or another replica sends it. Logs failures; never throws. */
  async sendOnSchedule (kind: 'boot' | 'daily'): Promise<void> {
    try {
      await this.#track((signal) => this.#send(kind, randomUUID(), signal))
    } catch (error) {
      if (error instanceof TelemetryOffError) this.#host.log.debug(error.message)
      else this.#failures.failed(error as Error, false)
    }
  }

  /** The newest recorded pings, newest first. @throws the database's error */
  async pings (limit?: number, before?: number): Promise<LoggedPing[]> {
    return missingRequirements(this.#host) ? [] : this.#openLog().list(limit, before)
  }

  /** Reads one recorded ping; undefined if it is not, or no longer, in the log. @throws the database's error */
  async ping (id: number): Promise<LoggedPing | undefined> {
    return missingRequirements(this.#host) ? undefined : this.#openLog().find(id)
  }

  /**
   * Asks the receiver what it holds of this installation.
   *
   * @throws TelemetryOffError, or ReceiverError
   */
  async held (): Promise<object> {
    const instanceId = await readInstanceId(this.#host.settings)
    if (!instanceId) throw new TelemetryOffError(NO_INSTANCE_ID.explanation)
    return this.#track((signal) => this.#request(requestHeld, instanceId, signal))
  }

  /**
   * Asks the receiver to delete what it holds of an id, which may be an earlier one of this installation. The host must
   * draw a new id first, so that no ping with the old one is attempted any more.
   *
   * @throws as `held` does
   */
  async forget (instanceId: string): Promise<Forgotten> {
    await this.cancel('the installation takes a new instanceId')
    return this.#track((signal) => this.#request(requestForget, instanceId, signal))
  }

  /**
   * Cancels waiting retries and aborts requests in flight. Resolves when the results are saved, or after 2 seconds.
   *
   * @param reason the error of the cancelled pings in the log
   */
  async cancel (reason: string): Promise<void> {
    const deliveries = [...this.#inFlight.values()]
    for (const cancellation of this.#inFlight.keys()) cancellation.abort(new TelemetryOffError(reason))
    await Promise.race([Promise.allSettled(deliveries), timers.setTimeout(CANCEL_MS, undefined, { ref: false })])
  }

  /** Runs something that `cancel` aborts, if it uses the signal, and waits for. */
  #track<T> (run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const cancellation = new AbortController()
    const running = run(cancellation.signal).finally(() => this.#inFlight.delete(cancellation))
    this.#inFlight.set(cancellation, running)
    return running
  }

  async #request<T> (
    request: (request: Parameters<typeof requestHeld>[0]) => Promise<T>, instanceId: string, signal: AbortSignal
  ): Promise<T> {
    return whileAllowed(() => this.#consent.assertRequest(signal), signal, (options) => (
      request({ url: this.url!, version: this.#host.config.version, instanceId, ...options })))
  }

  /**
   * Checks consent, builds, claims and records a ping, then delivers it, checking consent again before each attempt,
   * and saves the result.
   *
   * @returns the row of the log; undefined if another replica has claimed the ping, or the key is recorded already
   */
  async #send (kind: PingKind, idempotencyKey: string, signal: AbortSignal): Promise<LoggedPing | undefined> {
    const assertConsent = () => this.#consent.assertPing(signal)
    await assertConsent()
    const { log, config: { version } } = this.#host
    const body = await collectPing(this.#host, await readAgreedVersion(this.#host.settings))
    const record = { kind, sentAt: new Date(), idempotencyKey, url: this.url!, body }
    const ping = await this.#openLog().record(record)
    if (!ping) {
      log.debug(`The ${kind} ping was claimed by another replica or earlier by this one, ` +
        'or there were ten within the hour.')
      return undefined
    }
    const saveResult = (result: PingResult) => this.#saveResult(ping, result)
    const assertSame = async () => {
      await assertConsent()
      await this.#assertInstanceId(ping)
    }
    const result = await deliver(ping, {
      url: record.url, version, signal, assertConsent: assertSame, saveResult, failures: this.#failures
    })
    await saveResult(result)
    return { ...ping, ...result }
  }

  /**
   * @throws TelemetryOffError if the instanceId has been replaced since, on any replica: the old one must not be sent
   */
  async #assertInstanceId ({ body }: LoggedPing): Promise<void> {
    const { instanceId } = JSON.parse(body) as { instanceId: string }
    if (await readInstanceId(this.#host.settings) === instanceId) return
    throw new TelemetryOffError('the installation has a new instanceId')
  }

  /** Saves a result. Never throws: the log keeps what the database cannot save now, and saves it later. */
  async #saveResult ({ id }: LoggedPing, result: PingResult): Promise<void> {
    try {
      await this.#openLog().saveResult(id, result)
    } catch (error) {
      this.#host.log.debug(`The result of a ping could not be saved yet (${reasonOf(error)}).`)
    }
  }

  #openLog (): PingLog {
    return (this.#pingLog ??= new PingLog(this.#host.db.sequelize))
  }
}
