/** Recognises keys of flowforge.yml that read like telemetry, tracking or an opt-out, however they are spelled. */

/** Maps letters of other alphabets, and digits, to the Latin letter that they look like: the first of each text. */
const LOOK_ALIKES = new Map([
  'aаαᴀɑ4@', 'bвьβʙ', 'cсϲᴄ', 'dԁᴅ', 'eеεєҽᴇəℯ3', 'gɡց', 'hһнʜ', 'iіιɪıї!', 'kкκᴋ', 'lӏⅼʟ1|ɩ', 'mмμᴍɱ', 'nпηɴո',
  'oоοօᴏ0ө', 'pрρᴘ', 'qԛ', 'rгʀᴦɾ', 'sѕꜱ5$', 'tтτᴛ7', 'uυսᴜ', 'vνѵᴠ', 'wԝωᴡ', 'xхχ×', 'yуүγʏ'
].flatMap(([letter, ...others]) => others.map((other) => [other, letter!] as const)))

/** Words that say nothing about the subject of a key: `usage_tracking_enabled` is about `tracking`. Longest first. */
const FILLERS = [
  'enabled', 'enable', 'disabled', 'disable', 'disallow', 'allowed', 'allow', 'active', 'anonymous', 'usage', 'users',
  'user', 'data', 'send', 'share', 'sharing', 'flowforge', 'forge', 'flow', 'fuse', 'platform', 'node', 'red', 'app',
  'is', 'all', 'no', 'not', 'do', 'dont', 'non', 'never', 'off', 'on', 'ff', 'skip', 'suppress', 'stop', 'turn', 'set'
].sort((a, b) => b.length - a.length)

/** Fillers that turn `track` into an opt-out; alone it is an ordinary word. */
const NEGATIONS = new Set([
  'no', 'not', 'do', 'dont', 'non', 'never', 'disable', 'disabled', 'disallow', 'off', 'skip', 'stop'
])

/** Subjects that also match with up to two typing mistakes. */
const SUBJECTS = [
  'tracking', 'tracker', 'optout', 'optingout', 'optedout', 'donottrack', 'dontrack', 'phonehome', 'usagestats'
]

/** Subjects that match only in this exact spelling. */
const EXACT_SUBJECTS = new Set(['dnt', 'optin', 'opt', 'analytics', 'statistics', 'stats'])

/** Ordinary words that are within two edits of a subject, and do not match. */
const ORDINARY = new Set([
  'tracing', 'tracking_uri', 'training', 'trading', 'ranking', 'racing', 'taking', 'backing', 'packing', 'stacking',
  'cracking', 'trucking', 'racking', 'trapping', 'traces', 'trace', 'tracer', 'tracers', 'tracked', 'track', 'tracks',
  'trackback', 'cracker', 'stacker', 'packer', 'docker', 'trucker', 'trader', 'trainer', 'ranker', 'output', 'outputs',
  'spout', 'locker', 'rocker', 'broker', 'tricker', 'hacker', 'backer', 'tractor', 'tracery', 'marker', 'worker',
  'parking', 'marking', 'masking', 'working'
])

const MAX_EDITS = 2

/** Checks whether a key reads like telemetry, tracking or an opt-out. @param key as written, in any alphabet */
export function readsLikeOptOut (key: string): boolean {
  const words = splitWords(key)
  const letters = words.join('')
  if (editsToPart(letters, 'telemetry') <= MAX_EDITS) return true
  const significant = words.flatMap(stripFillers)
  const subject = significant.join('')
  const negated = words.some((word) => NEGATIONS.has(word)) || /^(dis|no|not|dont)/.test(letters)
  if (subject === 'track' && negated) return true
  if (EXACT_SUBJECTS.has(subject) && (significant.length === 1) && (subject !== 'opt' || words.includes('out'))) {
    return !['stats', 'statistics'].includes(subject) || words.includes('usage')
  }
  // A single word may have two mistakes. Several words must match exactly: `tracking_id` is not about tracking.
  const allowed = significant.length === 1 ? MAX_EDITS : 0
  return [subject, letters].some((text) => !ORDINARY.has(text) && SUBJECTS.some((each) => edits(text, each) <= allowed))
}

/**
 * Checks whether an environment variable reads like a mistyped `FF_TELEMETRY_DISABLED` or `DO_NOT_TRACK`. Variables of
 * other products do not match, because their names have one more word, as in `NEXT_TELEMETRY_DISABLED`.
 */
export function readsLikeOptOutVariable (name: string): boolean {
  const words = splitWords(name)
  if (edits(words.join(''), 'donottrack') <= MAX_EDITS) return true
  const significant = words.flatMap(stripFillers).filter((word) => !['opt', 'out', 'optout'].includes(word))
  return significant.length === 1 && edits(significant[0]!, 'telemetry') <= MAX_EDITS
}

/** Splits a key into words, also at the humps of camelCase. Replaces each character by its Latin look-alike first. */
function splitWords (key: string): string[] {
  const latin = [...key.normalize('NFKC')
    .replace(/([\p{Ll}\d])(\p{Lu})/gu, '$1 $2')
    .normalize('NFKD').replace(/[\p{M}\p{Cf}]/gu, '').toLowerCase()]
    .map((character) => LOOK_ALIKES.get(character) ?? character).join('')
  return latin.split(/[^a-z]+/).filter(Boolean)
}

/** Removes fillers from both ends of a word: `trackingenabled` becomes `tracking`. Empty if nothing is left. */
function stripFillers (word: string): string[] {
  if (FILLERS.includes(word)) return []
  for (const filler of FILLERS) {
    if (filler.length < 4) continue
    if (word.startsWith(filler)) return stripFillers(word.slice(filler.length))
    if (word.endsWith(filler)) return stripFillers(word.slice(0, -filler.length))
  }
  return word === '' ? [] : [word]
}

/** Counts the letters to insert, remove, replace or swap with a neighbour to turn one text into the other. */
function edits (text: string, target: string): number {
  return Math.abs(text.length - target.length) > MAX_EDITS ? Infinity : distances(text, target, false).at(-1)!
}

/** Counts the edits for the part of the text that is closest to the target. */
function editsToPart (text: string, target: string): number {
  return Math.min(...distances(text, target, true))
}

/**
 * Computes the edits from each beginning of the text, that is its first 0, 1, 2 ... letters, to the target. With
 * `anywhere`, letters before a match cost nothing.
 */
function distances (text: string, target: string, anywhere: boolean): number[] {
  let before: number[] = []
  let last = Array.from({ length: text.length + 1 }, (_, at) => anywhere ? 0 : at)
  for (let row = 1; row <= target.length; row++) {
    const current = [row]
    for (let at = 1; at <= text.length; at++) {
      const replaced = last[at - 1]! + (text[at - 1] === target[row - 1] ? 0 : 1)
      current[at] = Math.min(last[at]! + 1, current[at - 1]! + 1, replaced)
      if (row > 1 && at > 1 && text[at - 1] === target[row - 2] && text[at - 2] === target[row - 1]) {
        current[at] = Math.min(current[at]!, before[at - 2]! + 1)
      }
    }
    before = last
    last = current
  }
  return last
}
