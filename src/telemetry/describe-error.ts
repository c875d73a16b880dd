/** Classes of PostgreSQL errors whose messages may quote values: data exceptions, and errors raised by triggers. */
const QUOTES_VALUES = /^(22|P0)[0-9A-Z]{3}$/

interface Thrown {
  code?: unknown
  message?: string | null
  parent?: { code?: unknown }
}

/**
 * Describes an error for the host's log and for the log of pings: code and message, without values that a database
 * quotes. Errors are logged as text, because the host's logger would also write the statement and the parameters that
 * Sequelize attaches to an error.
 */
export function describeError (thrown: unknown): { code: string | null, message: string } {
  const { code, message, parent } = (thrown ?? {}) as Thrown
  const found = parent?.code ?? code
  const quotes = typeof found === 'string' && QUOTES_VALUES.test(found)
  const text = quotes ? 'the database refused a value' : message
  return { code: typeof code === 'string' ? code : null, message: text ?? '' }
}

/** Describes an error as one text, `CODE: message`. */
export function reasonOf (thrown: unknown): string {
  const { code, message } = describeError(thrown)
  return [code, message].filter(Boolean).join(': ')
}
