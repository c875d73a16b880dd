import {
  isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit,
  type Document, type ErrorCode, type Pair
} from 'yaml'
import { ConfigError } from './config-error.js'

/** A parsed flowforge.yml: its values and their places. */
export interface ConfigSource {
  values: Record<string, unknown>
  /** Returns the place of a key in words, `flowforge.yml, line 12`; only the name of the file if the key is absent. */
  locate: (...path: string[]) => string
}

interface Problem {
  offset: number
  reason: string
}

/** Descriptions of the parser's errors, by code. The parser's own messages quote the file, which may hold passwords. */
const REASONS: Partial<Record<ErrorCode, string>> = {
  BAD_ALIAS: 'an alias (*) is not allowed here',
  BAD_DQ_ESCAPE: 'a backslash in double quotes begins an escape; double it, or write single quotes',
  BAD_INDENT: 'the indentation is wrong',
  BAD_SCALAR_START: 'the value begins with a character that has to be quoted',
  MISSING_CHAR: 'a quote, a bracket, a comma or a space is missing',
  MULTIPLE_DOCS: 'there is a second document; remove the line ---',
  RESOURCE_EXHAUSTION: 'it is nested too deeply',
  TAB_AS_INDENT: 'it is indented with a tab; use spaces',
  TAG_RESOLVE_FAILED: 'a tag (!) is not known'
}
const OTHER_REASON = 'it is not valid YAML'

/**
 * Parses the text of a flowforge.yml.
 *
 * An error within the `telemetry` section becomes the value of that section, as an Error: telemetry counts it as an
 * opt-out, and the platform starts. An error anywhere else is thrown.
 *
 * @throws ConfigError with file, line and reason
 */
export function parseSource (text: string, file: string): ConfigSource {
  const lines = new LineCounter()
  const lineOf = (offset: number) => `${file}, line ${lines.linePos(offset).line}`
  // The schema is fixed, because a %YAML 1.1 directive in the file would turn `yes` and `no` into booleans. The
  // parser's check for unique keys takes quadratic time; findProblems does it in linear time.
  const document = parseDocument(text, {
    lineCounter: lines, prettyErrors: false, schema: 'core', merge: false, uniqueKeys: false
  })
  const pairs = sectionsOf(document, file)
  const problems = findProblems(document)
  const values: Record<string, unknown> = {}
  for (const pair of pairs) values[nameOf(pair)] = readValue(pair, document, lineOf)
  for (const { offset, reason } of problems) {
    if (!concernsTelemetry(offset, pairs)) throw new ConfigError(`${lineOf(offset)}: ${reason}`)
    values.telemetry = new Error(`${lineOf(offset)}, in telemetry, cannot be read as YAML. Correct it and restart`)
  }
  return { values, locate: (...path) => lineOfPath(document, path, lineOf) ?? file }
}

function findProblems (document: Document): Problem[] {
  const problems = [...document.errors, ...document.warnings].map(({ code, pos }) => ({
    offset: pos[0], reason: REASONS[code] ?? OTHER_REASON
  }))
  // After an error, the document may be nested too deeply to visit.
  if (document.errors.length > 0) return problems
  visit(document, {
    Map (_key, { items }) {
      const seen = new Set<unknown>()
      for (const pair of items) {
        const key = isScalar(pair.key) ? pair.key.value : pair.key
        if (seen.has(key)) problems.push({ offset: startOf(pair), reason: 'a key is there twice; remove one' })
        seen.add(key)
      }
    }
  })
  return problems
}

function sectionsOf (document: Document, file: string): Pair[] {
  if (isMap(document.contents)) return document.contents.items
  if (document.errors[0]) throw new ConfigError(`${file}: ${REASONS[document.errors[0].code] ?? OTHER_REASON}`)
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) return []
  const found = isSeq(document.contents) ? 'a list' : 'text'
  throw new ConfigError(`${file}: expected keys with values, such as "port: 3000", found ${found}`)
}

function readValue (pair: Pair, document: Document, lineOf: (offset: number) => string): unknown {
  try {
    return isNode(pair.value) ? pair.value.toJS(document) : pair.value
  } catch {
    const reason = `${lineOf(startOf(pair))}: cannot be read: an alias (*) names nothing, or there are too many of them`
    if (nameOf(pair) === 'telemetry') return new Error(reason)
    throw new ConfigError(reason)
  }
}

const nameOf = (pair: Pair) => String(isScalar(pair.key) ? pair.key.value : pair.key)

const startOf = (pair: Pair) => (pair.key as { range?: [number, number, number] }).range?.[0] ?? 0

function concernsTelemetry (offset: number, pairs: Pair[]): boolean {
  return pairs.some((pair, index) => {
    const next = pairs[index + 1]
    return nameOf(pair) === 'telemetry' &&
      offset >= startOf(pair) && offset < (next ? startOf(next) : Infinity)
  })
}

function lineOfPath (document: Document, path: string[], lineOf: (offset: number) => string): string | undefined {
  const parent = path.length > 1 ? document.getIn(path.slice(0, -1), true) : document.contents
  const pair = isMap(parent) ? parent.items.find((item) => nameOf(item) === path.at(-1)) : undefined
  if (pair) return lineOf(startOf(pair))
  return path.length > 1 ? lineOfPath(document, path.slice(0, -1), lineOf) : undefined
}
