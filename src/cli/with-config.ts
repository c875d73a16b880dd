import { loadConfig, type PlatformConfig } from '../config/index.js'
import { explainError } from './explain-error.js'
import type { CommandOptions } from './options.js'

/** Runs a command with the operator's configuration. @throws CommandError for foreseeable errors */
export async function withConfig<T> (
  { config: file }: CommandOptions, run: (config: PlatformConfig) => Promise<T>
): Promise<T> {
  let config: PlatformConfig | undefined
  try {
    config = loadConfig(file)
    return await run(config)
  } catch (error) {
    throw explainError(error, config)
  }
}
