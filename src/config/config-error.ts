/** A flowforge.yml, or a variable of the environment, with which the platform cannot start. One line, no stack. */
export class ConfigError extends Error {
  readonly code = 'invalid_config'
}
