/** An error as it is logged, without any data that the program worked with. */
export interface LoggedError {
  [name: string]: unknown
  type: string
  code?: string
  message: string
  stack: string
  /** Names in the schema of the database that refused something, never values. */
  table?: string
  column?: string
  constraint?: string
  cause?: LoggedError
}

type DatabaseError = Error & Partial<Record<'code' | 'severity' | 'table' | 'column' | 'constraint', string>> & {
  parent?: DatabaseError
}

/**
 * Classes of PostgreSQL errors whose messages contain only names of the schema or the server: connections, constraints,
 * transactions, unknown objects, missing resources, shutdowns, the system. Messages of the others, and of syntax errors
 * (42601), may quote values: https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const NAMES_ALONE = /^(08|23|25|3D|40|42|53|54|55|57|58)(?!601)[0-9A-Z]{3}$/

/** SQLite messages that contain only names of the schema. Syntax errors quote the statement; RAISE can say anything. */
const SQLITE_NAMES_ALONE = new RegExp([
  '^SQLITE_(?!ERROR|CONSTRAINT)',
  '^SQLITE_ERROR: (no such|table|cannot (start|commit|rollback))',
  '^SQLITE_CONSTRAINT: [A-Z ]+ constraint failed'
].join('|'))

/**
 * Describes an error for the log and for standard error, in the platform and in the collector. Keeps only the
 * properties below: a database error also has `sql`, `parameters`, `parent` and `detail`, with the user's data.
 */
export function serializeError (thrown: unknown): LoggedError {
  if (!(thrown instanceof Error)) {
    return { type: typeof thrown, message: 'something that is no Error was thrown', stack: '' }
  }
  const error = thrown as DatabaseError
  const { code, table, column, constraint } = error.parent ?? error
  const message = describeError(error)
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

/** Returns the message of an error without values that it may quote. */
export function describeError (error: Error): string {
  const { code, severity, message } = (error as DatabaseError).parent ?? error as DatabaseError
  if (severity !== undefined) {
    if (code?.startsWith('28')) return 'PostgreSQL refuses the user or the password'
    return NAMES_ALONE.test(code!) ? message : `PostgreSQL answered with the error ${code}`
  }
  if (String(code).startsWith('SQLITE_')) {
    return SQLITE_NAMES_ALONE.test(message) ? message : `SQLite answered with the error ${code}`
  }
  // Messages of Sequelize's validation and of JSON.parse quote their input.
  if (error.name === 'SequelizeValidationError') return 'a value does not fit its column'
  if (error instanceof SyntaxError) return 'a text could not be parsed'
  // Node.js: "Received type string ('...')"
  return error.message.replace(/\bReceived [^]*/, '')
}

/** Lists the frames of a stack, without its first lines, which repeat the message. */
const framesOf = ({ stack = '' }: Error) => stack.split('\n').filter((line) => /^\s+at /.test(line))
