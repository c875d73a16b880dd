import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type Pair, type Document, type YAMLError } from 'yaml'
import { ConfigError } from './config-error.js'

/** A parsed flowforge.yml: its values, and where each of them stands. */
export interface ConfigSource {
  values: Record<string, unknown>
  /** The place of a key in words, `flowforge.yml, line 12`; of the file alone where the key is absent. */
  locate: (...path: string[]) => string
}

/**
 * Parses the text of a flowforge.yml.
 *
 * An error within the `telemetry` section comes back in its place, as an Error: telemetry counts it as an opt-out, and
 * the platform starts. An error anywhere else stops the start.
 *
 * @throws ConfigError with file, line and reason
 */
export function parseSource (text: string, file: string): ConfigSource {
  const lines = new LineCounter()
  // A %YAML 1.1 directive would turn `yes` and `no` into booleans; the schema is not the file's to choose.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, schema: 'core', merge: false })
  const lineOf = (offset: number) => `${file}, line ${lines.linePos(offset).line}`
  const pairs = sectionsOf(document, file)
  const problems = [...document.errors, ...document.warnings]
  const values: Record<string, unknown> = {}
  for (const pair of pairs) values[nameOf(pair)] = readValue(pair, document, lineOf)
  for (const problem of problems) {
    if (!concernsTelemetry(problem, pairs)) throw new ConfigError(`${lineOf(problem.pos[0])}: ${problem.message}`)
    values.telemetry = new Error(`${lineOf(problem.pos[0])}, in telemetry, cannot be read as YAML. Correct it and restart`)
  }
  return { values, locate: (...path) => lineOfPath(document, path, lineOf) ?? file }
}

function sectionsOf (document: Document, file: string): Pair[] {
  if (isMap(document.contents)) return document.contents.items
  if (document.errors[0]) throw new ConfigError(`${file}: ${document.errors[0].message}`)
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) return []
  throw new ConfigError(`${file}: expected keys with values, such as "port: 3000", found ${isSeq(document.contents) ? 'a list' : 'text'}`)
}

function readValue (pair: Pair, document: Document, lineOf: (offset: number) => string): unknown {
  try {
    return isNode(pair.value) ? pair.value.toJS(document) : pair.value
  } catch (error) {
    const reason = `${lineOf(startOf(pair))}: ${nameOf(pair)} cannot be read: ${(error as Error).message}`
    if (nameOf(pair) === 'telemetry') return new Error(reason)
    throw new ConfigError(reason)
  }
}

const nameOf = (pair: Pair) => String(isScalar(pair.key) ? pair.key.value : pair.key)

const startOf = (pair: Pair) => (pair.key as { range?: [number, number, number] }).range?.[0] ?? 0

function concernsTelemetry (problem: YAMLError, pairs: Pair[]): boolean {
  return pairs.some((pair, index) => {
    const next = pairs[index + 1]
    return nameOf(pair) === 'telemetry' &&
      problem.pos[0] >= startOf(pair) && problem.pos[0] < (next ? startOf(next) : Infinity)
  })
}

function lineOfPath (document: Document, path: string[], lineOf: (offset: number) => string): string | undefined {
  const parent = path.length > 1 ? document.getIn(path.slice(0, -1), true) : document.contents
  const pair = isMap(parent) ? parent.items.find((item) => nameOf(item) === path.at(-1)) : undefined
  if (pair) return lineOf(startOf(pair))
  return path.length > 1 ? lineOfPath(document, path.slice(0, -1), lineOf) : undefined
}
