/** The platform cannot start with this flowforge.yml or environment. The message is one line, shown without a stack. */
export class ConfigError extends Error {
  readonly code = 'invalid_config'
}
