import { dirname } from 'node:path'
import { ConfigError, type PlatformConfig } from '../config/index.js'
import { ForeignDatabaseError } from '../database/ownership.js'
import { MissingSqliteDriverError } from '../database/sqlite-driver.js'
import { addressFrom } from '../db/index.js'
import { TelemetryOffError } from '../telemetry/types.js'
import { CommandError, EXIT } from './exit-codes.js'

type Explain = (place: Place, code: string, message: string) => CommandError

/** The places that an error may be about: where the platform listens, and its database. */
interface Place {
  config: PlatformConfig
  port: string
  file: string
  server: string
}

const notWritable: Explain = ({ file }, reason) => new CommandError(
  `The database file ${file} cannot be written (${reason}). ` +
  `Let the user who runs FlowForge write to ${dirname(file)}, or choose another place ` +
  'with the environment variable FLOWFORGE_HOME, or with db.storage in flowforge.yml.', EXIT.notWritable)

const notPermitted: Explain = ({ server }, _code, message) => new CommandError(
  `The PostgreSQL at ${server} does not let db.user create tables in db.database: ${message}. ` +
  'Grant that user the right there: GRANT CREATE ON SCHEMA public.', EXIT.config)

const noAnswer: Explain = ({ server }, reason) => new CommandError(
  `The PostgreSQL at ${server} does not answer (${reason}). ` +
  'Start it, or correct db.host, db.port and db.ssl in flowforge.yml.', EXIT.unavailable)

/** Explanations by error code, of Node.js, SQLite or PostgreSQL. The first match counts. */
const EXPLANATIONS: [codes: RegExp, on: 'listen' | 'sqlite' | 'postgres', Explain][] = [
  [/^EADDRINUSE$/, 'listen', ({ port, config: { host } }) => new CommandError(
    `Port ${port} on ${host} is already in use. Stop what uses it, ` +
    'or choose another with port in flowforge.yml, or with the environment variable PORT.', EXIT.unavailable)],
  [/^EACCES$/, 'listen', ({ port }) => new CommandError(
    `This user may not listen on port ${port}. Choose one from 1024 on with port in flowforge.yml.`, EXIT.config)],
  [/^(EADDRNOTAVAIL|ENOTFOUND|EAI_AGAIN)$/, 'listen', ({ config: { host } }) => new CommandError(
    `${host} is not an address of this machine. Correct host in flowforge.yml.`, EXIT.config)],
  [/^EISDIR$/, 'sqlite', ({ file }) => new CommandError(
    `${file} is a directory. Name a file with db.storage in flowforge.yml.`, EXIT.config)],
  [/^(E[A-Z]+|SQLITE_(CANTOPEN|READONLY|FULL|PERM|IOERR))$/, 'sqlite', notWritable],
  [/^SQLITE_(BUSY|LOCKED)$/, 'sqlite', ({ file }) => new CommandError(
    `Another process holds the database file ${file} locked. Stop it, or start again when it is done.`,
    EXIT.unavailable)],
  [/^SQLITE_(NOTADB|CORRUPT)$/, 'sqlite', ({ file }) => new CommandError(
    `${file} is not a database that can be read. ` +
    'Bring it back from a backup, or name another with db.storage in flowforge.yml.', EXIT.unavailable)],
  [/^28/, 'postgres', ({ server }) => new CommandError(
    `The PostgreSQL at ${server} refuses the user or the password. ` +
    'Correct db.user and db.password in flowforge.yml.', EXIT.config)],
  [/^3D000$/, 'postgres', ({ server }) => new CommandError(
    `The PostgreSQL at ${server} has no database of this name. ` +
    'Create it, or correct db.database in flowforge.yml.', EXIT.config)],
  [/^(42501|3F000)$/, 'postgres', notPermitted],
  [/^25006$/, 'postgres', ({ server }) => new CommandError(
    `The PostgreSQL at ${server} is read-only. Name the primary server with db.host in flowforge.yml.`, EXIT.config)],
  [/^(E[A-Z_]+|57P0\d|53300)$/, 'postgres', noAnswer]
]

/** Turns a foreseeable error into a CommandError with a remedy; returns any other unchanged. */
export function explainError (error: unknown, config?: PlatformConfig): unknown {
  if (error instanceof ConfigError) return new CommandError(error.message, EXIT.config)
  if (error instanceof TelemetryOffError) return new CommandError(error.message, EXIT.off)
  if (error instanceof MissingSqliteDriverError) return new CommandError(error.message, EXIT.unavailable)
  if (!config) return error
  if (error instanceof ForeignDatabaseError) return describeForeign(error, config)
  const { code, syscall, name, message } = causeOf(error)
  const kind = syscall === 'listen' ? 'listen' : config.db.type
  const explain = EXPLANATIONS.find(([codes, on]) => on === kind && codes.test(code ?? ''))?.[2]
  if (!explain && SILENCE.test(`${name}: ${message}`)) return noAnswer(placeOf(config), 'timeout', message)
  return explain?.(placeOf(config), code ?? message, message) ?? error
}

/** Matches the errors of Sequelize and pg for a server that accepts a connection but does not answer. */
const SILENCE = /^SequelizeConnection(AcquireTimeout|Error: .*timeout expired)/

function describeForeign (error: ForeignDatabaseError, config: PlatformConfig): CommandError {
  const { file, server } = placeOf(config)
  const [database, key] = config.db.type === 'sqlite'
    ? [file, 'db.storage']
    : [`The database at ${server}`, 'db.database']
  return new CommandError(
    `${database} is not FlowForge's: ${error.message}. Nothing in it was changed. ` +
    `Name another with ${key} in flowforge.yml.`, EXIT.config)
}

function placeOf (config: PlatformConfig): Place {
  const address = addressFrom(config)
  return {
    config,
    port: String(config.port),
    file: address.type === 'sqlite' ? address.storage : '',
    server: `${config.db.host}:${config.db.port}`
  }
}

/** Returns the facts of the driver's error, with the name of Sequelize's. */
function causeOf (error: unknown): NodeJS.ErrnoException {
  const { name, parent } = error as Error & { parent?: NodeJS.ErrnoException }
  const { code, syscall, message } = parent ?? error as NodeJS.ErrnoException
  return { name, code, syscall, message }
}
