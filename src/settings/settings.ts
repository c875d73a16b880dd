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
 * The platform's settings, all of them in memory.
 * Also makes the `instanceId`, once per installation, whichever replica gets there first.
 */
export async function openSettings (model: typeof PlatformSetting): Promise<Settings> {
  const settings = createSettings(model)
  for (const key of Object.keys(settingsSchema.properties) as SettingKey[]) await settings.refresh(key)
  await settings.setOnce('instanceId', randomUUID())
  return settings
}

/** The platform's settings: kept in the database, shared by all replicas, remembered in memory once they were read. */
export function createSettings (model: typeof PlatformSetting) {
  const memory = new Map<string, unknown>()
  /** Values that hold in this process whatever the database says, because they could not be written yet. */
  const held = new Map<string, { value: unknown }>()
  const listeners = new Set<SettingListener>()

  /** The value as this process knows it; the default where it was never set; undefined where it is unreadable. */
  function get<K extends SettingKey> (key: K): SettingValues[K] | undefined {
    const { default: initial } = schemaOf(key) as { default?: unknown }
    const value = held.has(key) ? held.get(key)!.value : memory.has(key) ? memory.get(key) : initial
    return value as SettingValues[K] | undefined
  }

  /** The value as the database knows it now, another replica's change included. */
  async function refresh<K extends SettingKey> (key: K): Promise<SettingValues[K] | undefined> {
    schemaOf(key)
    if (held.has(key)) return get(key)
    const row = await model.findByPk(key)
    if (row) memory.set(key, parse(key, row.value))
    else memory.delete(key)
    return get(key)
  }

  /** @throws InvalidSettingError before anything is written */
  async function set<K extends SettingKey> (key: K, value: SettingValues[K]): Promise<void> {
    if (!Value.Check(schemaOf(key), value)) throw new InvalidSettingError(`${key} cannot be ${JSON.stringify(value)}`)
    await model.upsert({ key, value: JSON.stringify(value) })
    remember(key, value)
  }

  /** Takes over a value that was written, and notifies the listeners. */
  function remember<K extends SettingKey> (key: K, value: SettingValues[K]): void {
    memory.set(key, value)
    notify(key, value)
  }

  /**
   * Lets a value hold in this process at once, before and without being written, and notifies the listeners.
   *
   * @returns what ends that, once the value is written; a later value stays held
   */
  function hold<K extends SettingKey> (key: K, value: SettingValues[K]): () => void {
    const entry = { value }
    held.set(key, entry)
    notify(key, value)
    return () => { if (held.get(key) === entry) held.delete(key) }
  }

  function notify<K extends SettingKey> (key: K, value: SettingValues[K]): void {
    for (const listener of listeners) listener(key, value)
  }

  /** Sets a key only where no replica has set it before. Resolves to whether this call was the one. */
  async function setOnce<K extends SettingKey> (key: K, value: SettingValues[K]): Promise<boolean> {
    await model.bulkCreate([{ key, value: JSON.stringify(value) }], { ignoreDuplicates: true })
    return await refresh(key) === value
  }

  /** Calls the listener after each change made by this process. */
  function onChange (listener: SettingListener): void {
    listeners.add(listener)
  }

  return { get, refresh, set, setOnce, hold, remember, onChange }
}

function schemaOf (key: string) {
  if (Object.hasOwn(settingsSchema.properties, key)) return settingsSchema.properties[key as SettingKey]
  throw new InvalidSettingError(`there is no setting "${key}"`)
}

/** Parses a stored value; null if it is unreadable, which is not the same as never set: consent counts it as off. */
function parse (key: string, json: string): unknown {
  try {
    const value: unknown = JSON.parse(json)
    return Value.Check(schemaOf(key), value) ? value : null
  } catch {
    return null
  }
}
