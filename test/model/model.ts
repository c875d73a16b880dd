import type { COLLECTOR_MODES, DATABASE_MODES, ReplicaName, Sender } from './world.js'

/** The decisions made so far, and the state that must follow from them. */
export class Model {
  initialised: boolean
  /** The setting `telemetry:enabled`; undefined while nobody has decided. */
  stored: boolean | undefined
  /** The recorded decisions, oldest first. */
  readonly record: string[] = []
  /** Refusals that a replica could not save, with the way in which they were made. */
  readonly held = new Map<ReplicaName, string>()
  readonly running: Record<ReplicaName, 'no' | 'allowing' | 'refusing'> = { one: 'allowing', two: 'allowing' }
  /** Whether a replica whose operator refuses was killed. */
  leftRefusal = false
  collector: typeof COLLECTOR_MODES[number] = 'working'
  database: typeof DATABASE_MODES[number] = 'working'
  proxyHolds = false
  /** What each sender that must not send had sent when it was refused. */
  readonly silent = new Map<Sender, string>()

  constructor (initialised: boolean) {
    this.initialised = initialised
  }

  get operatorRefuses (): boolean {
    return this.leftRefusal || Object.values(this.running).includes('refusing')
  }

  /** Whether a sender may send now. */
  allows (sender: Sender): boolean {
    if (!this.initialised || this.stored === false) return false
    if (sender === 'command line') return !this.operatorRefuses
    return this.running[sender] === 'allowing' && !this.held.has(sender)
  }

  /** Whether the requests of this sender are answered without a further step. */
  answers (sender: Sender): boolean {
    return this.collector !== 'slow' && !(sender === 'two' && this.proxyHolds)
  }

  decided (enabled: boolean, way: string, at?: ReplicaName): void {
    this.stored = enabled
    this.record.push(`${enabled ? 'yes' : 'no'} by ${way}`)
    if (at) this.held.delete(at)
  }
}
