import { isMap, isNode, isScalar, LineCounter, parseDocument, visit, type Document, type Pair } from 'yaml'
import { doubt, readTelemetryConfig, type TelemetryConfig } from './config.js'
import { readsLikeOptOut } from './opt-out-words.js'

/**
 * Matches the start of a line that could be a key in a text: `telemetry:`, `- DO_NOT_TRACK=1`. Adjacent parts of the
 * pattern match no common character, and none matches a line break, so the search takes linear time.
 */
const KEY_IN_TEXT = /^[^\S\n\r\u2028\u2029]*(?:-[ \t]+)*["']?([^\s:="'#]+)["']?[ \t]*(?::(?=\s|$)|=)/gmu

/**
 * Judges the text of flowforge.yml. Counts as an opt-out: an invalid `telemetry` section, any other key at any depth
 * that reads like telemetry, tracking or an opt-out, and a file that is empty or cannot be parsed.
 *
 * @param name the name of the file in messages. They give line and key, but no value of an unknown key
 */
export function judgeConfigText (text: string, name: string): TelemetryConfig {
  if (text.trim() === '') return doubt(`${name} is empty. Restore it, or write "telemetry: {}" into it, and restart`)
  const lines = new LineCounter()
  // The schema is fixed, because a %YAML 1.1 directive in the file would turn `yes` and `no` into booleans. The
  // parser's check for unique keys takes quadratic time; judgeSection does it for `telemetry`.
  const document = parseDocument(text, {
    lineCounter: lines, prettyErrors: false, schema: 'core', merge: false, uniqueKeys: false
  })
  const lineOf = (offset: number) => `${name}, line ${lines.linePos(offset).line}`
  const [problem] = [...document.errors, ...document.warnings]
  if (problem) return doubt(`${lineOf(problem.pos[0])}, cannot be read as YAML. Correct it and restart`)
  if (text.includes('\0')) return doubt(`${name} holds bytes that are no text. Restore it and restart`)
  const misplaced = findMisplaced(document)
  if (misplaced) {
    return doubt(`${lineOf(misplaced.offset)}, has the key ${JSON.stringify(misplaced.key)}, ` +
      'which reads like a mistyped or misplaced opt-out. ' +
      'Write "telemetry: { enabled: false }" at the top level instead, or remove the key, and restart')
  }
  return judgeSection(document, lineOf)
}

function judgeSection (document: Document, lineOf: (offset: number) => string): TelemetryConfig {
  const section = topLevel(document).find(isSection)
  const pairs = isMap(section?.value) ? section.value.items : []
  const find = (name: string | undefined) => pairs.find((pair) => nameOf(pair) === name)
  const locate = (...path: string[]) => lineOf(offsetOf(find(path.at(-1)) ?? section!))
  const twice = pairs.find((pair) => find(nameOf(pair)) !== pair)
  if (twice) return doubt(`${lineOf(offsetOf(twice))}, has telemetry.${nameOf(twice)} twice. Remove one and restart`)
  try {
    return readTelemetryConfig(isNode(section?.value) ? section.value.toJS(document) : section?.value, locate)
  } catch {
    return doubt(`${locate('telemetry')}, cannot be read as YAML. Correct it and restart`)
  }
}

interface FoundKey {
  key: string
  offset: number
}

/** Finds the first key that reads like an opt-out, except the first `telemetry` at the top level. */
function findMisplaced (document: Document): FoundKey | undefined {
  const own = topLevel(document).find(isSection)
  const isLost = (pair: Pair) => /^(enabled?|disabled?)$/i.test(nameOf(pair))
  const lost = topLevel(document).find(isLost)
  let found: FoundKey | undefined = lost && { key: nameOf(lost), offset: offsetOf(lost) }
  if (found) return found
  visit(document, {
    Pair (_key, pair) {
      const key = nameOf(pair)
      if (pair === own || !readsLikeOptOut(key)) return undefined
      found = { key, offset: offsetOf(pair) }
      return visit.BREAK
    },
    // A section that became part of a text by mistake, for example below a `|`.
    Scalar (position, { value, range }) {
      if (position === 'key' || typeof value !== 'string') return undefined
      const [, key] = [...value.matchAll(KEY_IN_TEXT)].find(([, name]) => readsLikeOptOut(name!)) ?? []
      if (key === undefined) return undefined
      found = { key, offset: range?.[0] ?? 0 }
      return visit.BREAK
    }
  })
  return found
}

const topLevel = (document: Document): Pair[] => isMap(document.contents) ? document.contents.items : []

const isSection = (pair: Pair) => nameOf(pair) === 'telemetry'

/** Returns the name of a key; empty if the key is itself a section, because that section's keys are visited, too. */
const nameOf = ({ key }: Pair) => isScalar(key) ? String(key.value) : ''

const offsetOf = ({ key }: Pair) => (isNode(key) ? key.range?.[0] : undefined) ?? 0
