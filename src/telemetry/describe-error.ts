/** PostgreSQL quotes the value in what it says of these: data exceptions, and what a trigger says. */
const QUOTES_VALUES = /^(22|P0)[0-9A-Z]{3}$/

interface Thrown {
  code?: unknown
  message?: string | null
  parent?: { code?: unknown }
}

/**
 * Describes an error for the log and for the log of pings: its code and its message, without the values that a
 * database quotes. Logged as text, because the logger of a host would write all that Sequelize hangs on an `err`: the
 * statement with its parameters.
 */
export function describeError (thrown: unknown): { code: string | null, message: string } {
  const { code, message, parent } = (thrown ?? {}) as Thrown
  const found = parent?.code ?? code
  const quotes = typeof found === 'string' && QUOTES_VALUES.test(found)
  const text = quotes ? 'the database refused a value' : message
  return { code: typeof code === 'string' ? code : null, message: text ?? '' }
}

/** The same in one text, `CODE: message`. */
export function reasonOf (thrown: unknown): string {
  const { code, message } = describeError(thrown)
  return [code, message].filter(Boolean).join(': ')
}
