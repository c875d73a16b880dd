/** The options of a command. */
export interface CommandOptions {
  /** The path given with --config. */
  config?: string
  json?: boolean
}
