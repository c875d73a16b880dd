import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { doubt, namedUrl, readTelemetryConfig, type TelemetryConfig } from './config.js'
import type { TelemetryHost } from './host.js'

/** A larger file is no configuration, and takes long to parse. */
export const MOST_CONFIG_BYTES = 64 * 1024

/**
 * Reads what the operator says about telemetry: the section as the host has it and, if that allows telemetry, the text
 * of the file, whatever the host made of it. A host may have replaced `telemetry: false` by its defaults.
 *
 * Never throws: a file that cannot be read counts as an opt-out.
 */
export async function loadTelemetryConfig (
  { telemetry, locate, configFile }: Pick<TelemetryHost['config'], 'telemetry' | 'locate' | 'configFile'>
): Promise<TelemetryConfig> {
  const config = readTelemetryConfig(telemetry, locate)
  if (!config.allowed || typeof configFile !== 'string') return config
  const inFile = await readConfigFile(configFile)
  // A key that is in doubt can be where the operator names the receiver.
  return inFile.allowed ? config : { ...inFile, url: namedUrl(telemetry) ?? null }
}

/**
 * Reads a flowforge.yml, and no more than a configuration can have: a device has no size, and never ends.
 *
 * @throws Error with the reason in words, or the file system's
 */
export function readConfigText (path: string): string {
  // Without O_NONBLOCK, opening a named pipe would wait for somebody who writes to it.
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    if (!fstatSync(file).isFile()) throw new Error('it is no file')
    const bytes = Buffer.alloc(MOST_CONFIG_BYTES + 1)
    let length = 0
    for (let read = -1; read !== 0 && length < bytes.length; length += read) read = readSync(file, bytes, length, bytes.length - length, null)
    if (length > MOST_CONFIG_BYTES) throw new Error(`it has more than ${MOST_CONFIG_BYTES / 1024} KiB`)
    return bytes.toString('utf8', 0, length)
  } finally {
    closeSync(file)
  }
}

async function readConfigFile (path: string): Promise<TelemetryConfig> {
  try {
    const text = readConfigText(path)
    // Loads yaml, which takes some 70 ms of processor time: no sooner than a text is judged.
    const { judgeConfigText } = await import('./config-text.js')
    return judgeConfigText(text, basename(path))
  } catch (error) {
    return doubt(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? (error as Error).message})`)
  }
}
