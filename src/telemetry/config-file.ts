import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { doubt, namedUrl, readTelemetryConfig, type TelemetryConfig } from './config.js'
import type { TelemetryHost } from './host.js'

/** The size limit of flowforge.yml. A larger file cannot be a configuration, and takes long to parse. */
export const MOST_CONFIG_BYTES = 64 * 1024

/**
 * Reads the operator's configuration of telemetry: the section as the host passes it and, if that allows telemetry,
 * also the text of the file, because the host may have replaced `telemetry: false` with its defaults.
 *
 * Never throws: a file that cannot be read counts as an opt-out.
 */
export async function loadTelemetryConfig (
  { telemetry, locate, configFile }: Pick<TelemetryHost['config'], 'telemetry' | 'locate' | 'configFile'>
): Promise<TelemetryConfig> {
  const config = readTelemetryConfig(telemetry, locate)
  if (!config.allowed || typeof configFile !== 'string') return config
  const inFile = await readConfigFile(configFile)
  // An unclear key may be where the operator names the receiver.
  return inFile.allowed ? config : { ...inFile, url: namedUrl(telemetry) ?? null }
}

/**
 * Reads the text of a flowforge.yml of up to 64 KiB. Reads no more than that, because the path may name an endless file
 * such as a device.
 *
 * @throws Error with the reason in words, or the error of the file system
 */
export function readConfigText (path: string): string {
  // Without O_NONBLOCK, opening a named pipe would block until another process writes to it.
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    if (!fstatSync(file).isFile()) throw new Error('it is not a file')
    const bytes = Buffer.alloc(MOST_CONFIG_BYTES + 1)
    const length = fill(bytes, file)
    if (length > MOST_CONFIG_BYTES) throw new Error(`it has more than ${MOST_CONFIG_BYTES / 1024} KiB`)
    return bytes.toString('utf8', 0, length)
  } finally {
    closeSync(file)
  }
}

/** Reads into a buffer until it is full or the file ends. @returns the number of bytes read */
function fill (bytes: Buffer, file: number): number {
  let length = 0
  while (length < bytes.length) {
    const read = readSync(file, bytes, length, bytes.length - length, null)
    if (read === 0) break
    length += read
  }
  return length
}

async function readConfigFile (path: string): Promise<TelemetryConfig> {
  try {
    const text = readConfigText(path)
    // Loaded here because yaml takes some 70 ms of processor time, which only judging a text should cost.
    const { judgeConfigText } = await import('./config-text.js')
    return judgeConfigText(text, basename(path))
  } catch (error) {
    return doubt(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? (error as Error).message})`)
  }
}
