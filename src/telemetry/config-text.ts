import {
  isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit, type Document, type Pair
} from 'yaml'
import { doubt, readTelemetryConfig, type TelemetryConfig } from './config.js'
import { readsLikeOptOut } from './opt-out-words.js'

/**
 * Matches the start of a line that could be a key in a text: `telemetry:`, `- DO_NOT_TRACK=1`. Adjacent parts of the
 * pattern match no common character, and none matches a line break, so the search takes linear time.
 */
const KEY_IN_TEXT = /^[^\S\n\r\u2028\u2029]*(?:-[ \t]+)*["']?([^\s:="'#]+)["']?[ \t]*(?::(?=\s|$)|=)/gmu

/** A key of JSON, or of a flow mapping, in a text: `{"telemetry":false}`. */
const KEY_IN_BRACES =
  /[{,][^\S\n\r]*(?:"([^\s:="'#{},]+)"[ \t]*:|'([^\s:="'#{},]+)'[ \t]*:|([^\s:="'#{},]+)[ \t]*:(?=\s))/gu

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
  const misplaced = findMisplaced(document, text)
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

/** The first key that reads like an opt-out, other than one `telemetry` at the top level and what belongs into it. */
function findMisplaced (document: Document, text: string): FoundKey | undefined {
  const own = topLevel(document).find(isSection)
  const isLost = (pair: Pair) => /^(enabled?|disabled?)$/i.test(nameOf(pair))
  const lost = topLevel(document).find(isLost)
  let found: FoundKey | undefined = lost && { key: nameOf(lost), offset: offsetOf(lost) }
  if (found) return found
  visit(document, {
    Pair (_key, pair) {
      const key = isAlias(pair.key) ? String(pair.key.resolve(document)) : nameOf(pair)
      if (pair === own || !readsLikeOptOut(key)) return undefined
      found = { key, offset: offsetOf(pair) }
      return visit.BREAK
    },
    // A section that became part of a text by mistake, for example below a `|`.
    Scalar (position, { value, range }) {
      if (position === 'key' || typeof value !== 'string') return undefined
      const [start, end] = range ?? [0, 0]
      // As it stands in the file, too: a `>` joins its lines.
      const key = findKeyIn(value) ?? findKeyIn(text.slice(start, end))
      if (key === undefined) return undefined
      const inSource = text.indexOf(key, start)
      found = { key, offset: inSource >= 0 && inSource < end ? inSource : start }
      return visit.BREAK
    }
  })
  return found
}

/** The first line of a text, or part of JSON in it, that looks like a key and reads like an opt-out. */
function findKeyIn (text: string): string | undefined {
  const patterns = text.includes('{') ? [KEY_IN_TEXT, KEY_IN_BRACES] : [KEY_IN_TEXT]
  const keys = patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([, ...groups]) => groups.find(Boolean)!))
  return keys.find(readsLikeOptOut)
}

const topLevel = (document: Document): Pair[] => isMap(document.contents) ? document.contents.items : []

const isSection = (pair: Pair) => nameOf(pair) === 'telemetry'

/** The name of a key; of one that is a list, its text; empty for one that is a section, whose own keys are visited. */
const nameOf = ({ key }: Pair) => isScalar(key) ? String(key.value) : isSeq(key) ? String(key) : ''

const offsetOf = ({ key }: Pair) => (isNode(key) ? key.range?.[0] : undefined) ?? 0
