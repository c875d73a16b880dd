/** An error as it is logged: nothing of the data that the platform worked with. */
export interface LoggedError {
  [name: string]: unknown
  type: string
  code?: string
  message: string
  stack: string
  /** Where a database refused something: names of the schema, never values. */
  table?: string
  column?: string
  constraint?: string
  cause?: LoggedError
}

type DatabaseError = Error & Partial<Record<'code' | 'table' | 'column' | 'constraint', string>> & {
  parent?: DatabaseError
}

/** PostgreSQL quotes the value in what it says of these: data exceptions, and what a trigger says. */
const QUOTES_VALUES = /^(22|P0)[0-9A-Z]{3}$/

/**
 * Describes an error for the log and for standard error. Errors of a database carry the statement with its parameters
 * (`sql`, `parameters`, `parent`, `detail`): only what is named here is kept.
 */
export function serializeError (thrown: unknown): LoggedError {
  if (!(thrown instanceof Error)) {
    return { type: typeof thrown, message: 'something that is no Error was thrown', stack: '' }
  }
  const error = thrown as DatabaseError
  const { code, table, column, constraint } = error.parent ?? error
  const quotes = typeof code === 'string' && QUOTES_VALUES.test(code)
  const message = quotes ? 'the database refused a value' : error.message
  return {
    type: error.name,
    ...typeof code === 'string' ? { code } : {},
    message,
    stack: [`${error.name}: ${message}`, ...framesOf(error)].join('\n'),
    ...table ? { table } : {},
    ...column ? { column } : {},
    ...constraint ? { constraint } : {},
    ...error.cause instanceof Error ? { cause: serializeError(error.cause) } : {}
  }
}

/** The frames of a stack; its first lines repeat the message. */
const framesOf = ({ stack = '' }: Error) => stack.split('\n').filter((line) => /^\s+at /.test(line))
