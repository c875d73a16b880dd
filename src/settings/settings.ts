import { randomUUID } from 'node:crypto'
import { Value } from 'typebox/value'
import type { PlatformSetting } from '../db/models.js'
import { settingsSchema, type SettingKey, type SettingValues } from './definitions.js'

/** An unknown key, or a value of the wrong type. */
export class InvalidSettingError extends Error {
  readonly code = 'invalid_setting'
}

export type SettingListener = <K extends SettingKey>(key: K, value: SettingValues[K]) => void

export type Settings = ReturnType<typeof createSettings>

/**
 * Reads all settings of the platform into memory. Creates the `instanceId` if there is none; of several replicas, the
 * first one wins.
 */
export async function openSettings (model: typeof PlatformSetting): Promise<Settings> {
  const settings = createSettings(model)
  for (const key of Object.keys(settingsSchema.properties) as SettingKey[]) await settings.refresh(key)
  await settings.setOnce('instanceId', randomUUID())
  return settings
}

/** The platform's settings: stored in the database, shared by all replicas, cached in memory. */
export function createSettings (model: typeof PlatformSetting) {
  const memory = new Map<string, unknown>()
  /** Values that override the database in this process, because they have not been written yet. */
  const held = new Map<string, { value: unknown }>()
  const { notify, onChange } = createListeners()

  /** Returns the cached value; the default if it was never set; null (not in the type) if it is invalid. */
  function get<K extends SettingKey> (key: K): SettingValues[K] | undefined {
    const { default: initial } = schemaOf(key) as { default?: unknown }
    const value = held.has(key) ? held.get(key)!.value : memory.has(key) ? memory.get(key) : initial
    return value as SettingValues[K] | undefined
  }

  /** Reads a value from the database, including changes by other replicas. @returns as `get` does */
  async function refresh<K extends SettingKey> (key: K): Promise<SettingValues[K] | undefined> {
    schemaOf(key)
    if (held.has(key)) return get(key)
    const row = await model.findByPk(key)
    if (row) memory.set(key, parse(key, row.value))
    else memory.delete(key)
    return get(key)
  }

  /** Writes a value. @throws InvalidSettingError before anything is written, or the database's error */
  async function set<K extends SettingKey> (key: K, value: SettingValues[K]): Promise<void> {
    if (!Value.Check(schemaOf(key), value)) throw new InvalidSettingError(`${key} cannot be ${JSON.stringify(value)}`)
    await model.upsert({ key, value: JSON.stringify(value) })
    remember(key, value)
  }

  /** Caches a value that was written elsewhere, and notifies the listeners. */
  function remember<K extends SettingKey> (key: K, value: SettingValues[K]): void {
    memory.set(key, value)
    notify(key, value)
  }

  /**
   * Overrides a value in this process without writing it, and notifies the listeners.
   *
   * @returns a function that ends the override once the value is written; does nothing if a later value overrides it
   */
  function hold<K extends SettingKey> (key: K, value: SettingValues[K]): () => void {
    const entry = { value }
    held.set(key, entry)
    notify(key, value)
    return () => { if (held.get(key) === entry) held.delete(key) }
  }

  /** Sets a key unless a replica has set it before. @returns whether this call has set it */
  async function setOnce<K extends SettingKey> (key: K, value: SettingValues[K]): Promise<boolean> {
    await model.bulkCreate([{ key, value: JSON.stringify(value) }], { ignoreDuplicates: true })
    return await refresh(key) === value
  }

  return { get, refresh, set, setOnce, hold, remember, onChange }
}

function createListeners () {
  const listeners = new Set<SettingListener>()

  const notify: SettingListener = (key, value) => {
    for (const listener of listeners) listener(key, value)
  }

  /** Calls the listener after each change made by this process. */
  function onChange (listener: SettingListener): void {
    listeners.add(listener)
  }

  return { notify, onChange }
}

function schemaOf (key: string) {
  if (Object.hasOwn(settingsSchema.properties, key)) return settingsSchema.properties[key as SettingKey]
  throw new InvalidSettingError(`there is no setting "${key}"`)
}

/** Parses a stored value; null if it is invalid. That differs from never set: consent counts it as off. */
function parse (key: string, json: string): unknown {
  try {
    const value: unknown = JSON.parse(json)
    return Value.Check(schemaOf(key), value) ? value : null
  } catch {
    return null
  }
}
