import { readFileSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { doubt, readTelemetryConfig, type TelemetryConfig } from './config.js'
import type { TelemetryHost } from './host.js'

/** A larger file is no configuration, and takes long to parse. */
const LARGEST_BYTES = 1_048_576

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
  return inFile.allowed ? config : inFile
}

async function readConfigFile (path: string): Promise<TelemetryConfig> {
  try {
    if (statSync(path).size > LARGEST_BYTES) return doubt(`${path} is larger than 1 MiB`)
    const text = readFileSync(path, 'utf8')
    // Loads yaml, which takes some 70 ms of processor time: no sooner than a text is judged.
    const { judgeConfigText } = await import('./config-text.js')
    return judgeConfigText(text, basename(path))
  } catch (error) {
    return doubt(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`)
  }
}
