/** What follows the words of a command. */
export interface CommandOptions {
  /** The flowforge.yml that --config names. */
  config?: string
  json?: boolean
}
