/**
 * Recognises keys of flowforge.yml that read like telemetry, tracking or an opt-out, however they are spelled.
 *
 * The rule: a key is split into words (`disableTracking`: disable, tracking). It counts if a run of neighbouring words,
 * joined, is within two edits of a subject below, whatever other words the key has. `telemetry` counts anywhere in its
 * letters. What stays allowed is listed: ORDINARY words, and PROPERTIES of something that is tracked elsewhere.
 */
import { editsToPart, editsToRun } from './edits.js'

const MAX_EDITS = 2

/** What counts, and within how many edits: fewer where more would reach ordinary words. */
const SUBJECTS = Object.entries({
  tracking: MAX_EDITS,
  donottrack: MAX_EDITS,
  donttrack: MAX_EDITS,
  notrack: 1,
  optout: MAX_EDITS,
  optsout: MAX_EDITS,
  optmeout: 1,
  optedout: MAX_EDITS,
  optingout: MAX_EDITS,
  optedin: 1,
  optingin: 1,
  optin: 0,
  dnt: 0,
  analytics: 0,
  phonehome: 1,
  callhome: 1,
  usagestats: MAX_EDITS,
  usagestatistics: MAX_EDITS,
  usagedata: 1,
  usageping: 1,
  usagereporting: MAX_EDITS,
  anonymoususage: MAX_EDITS
})

/** Subjects that also count inside of a word, within one edit: `geotracking`, `optoutenabled`. */
const PARTS = ['tracking', 'optout', 'donottrack']

/** What may be written together with a subject: `disabletracking`, `trackingenabled`. */
const AFFIXES = [
  'enabled', 'enable', 'disabled', 'disable', 'disallow', 'allowed', 'allow', 'anonymous', 'usage', 'users', 'user',
  'flowforge', 'flowfuse', 'forge', 'data', 'stop', 'skip', 'send', 'dont', 'not', 'off', 'no', 'on'
]

/** Letters of other alphabets, and digits, that look like a Latin letter. Any other letter costs an edit. */
const LOOK_ALIKES = new Map([
  'aаαᴀɑ4@Ꭺ', 'bвьβʙᏴ', 'cсϲςᴄᏟ', 'dԁᴅᎠ', 'eеεєҽᴇəℯ3Ꭼ', 'gɡցᏀ', 'hһнʜᎻ', 'iіιɪıїи!ᎥᏆ', 'kкκᴋᏦ', 'lӏⅼʟл1|ɩᏞǀ',
  'mмμᴍɱᎷ', 'nпηɴո', 'oоοօᴏ0ө', 'pрρᴘᏢ', 'qԛ', 'rгʀᴦɾᏒ', 'sѕꜱ5$Ꮪ', 'tтτᴛ7†Ꭲ', 'uυսᴜ', 'vνѵᴠᏙ', 'wԝωᴡᎳ', 'xхχ×',
  'yуүγʏᎩ'
].flatMap(([letter, ...others]) => others.map((other) => [other.toLowerCase(), letter!] as const)))

/** Ordinary words within the reach of the rule. They are not about it. */
const ORDINARY = new Set([
  'tracing', 'training', 'trading', 'ranking', 'racing', 'taking', 'backing', 'packing', 'stacking', 'cracking',
  'trucking', 'racking', 'trapping', 'trailing', 'trunking', 'talking', 'tasking', 'ticking', 'hacking', 'lacking',
  'blacking', 'bracing', 'retracing', 'attacking', 'attracting', 'extracting', 'subtracting', 'abstracting',
  'contracting', 'distracting', 'tracings', 'backtracking', 'opentracing', 'tracked', 'trackback', 'backtrack',
  'soundtrack', 'trace', 'traced', 'tracer', 'tracers', 'traces', 'output', 'outputs', 'stout', 'spout', 'sprout',
  'pout', 'putout', 'popout', 'cutout', 'copout', 'dropout', 'dropouts', 'shootout', 'masking', 'marking', 'parking',
  'working'
])

/** Words after `tracking` that mean another kind of tracking: `tracking_uri` of MLflow, `trackingcode` of HubSpot. */
const PROPERTIES = new Set([
  'uri', 'url', 'urls', 'id', 'ids', 'code', 'codes', 'number', 'numbers', 'key', 'token', 'host', 'port', 'server',
  'path'
])

/** Words that make a subject of `track`, which alone is an ordinary word: `track_usage`, `stop_track`. */
const WITH_TRACK = new Set([
  'no', 'not', 'do', 'dont', 'non', 'never', 'enable', 'enabled', 'disable', 'disabled', 'allow', 'allowed',
  'disallow', 'off', 'on', 'skip', 'stop', 'opt', 'out', 'usage', 'user', 'users', 'me', 'us', 'anonymous', 'data',
  'flowforge', 'flowfuse', 'ff'
])

/** Words besides the subject that an environment variable of this product may have. */
const IN_VARIABLES = new Set([
  ...WITH_TRACK, 'optout', 'send', 'turn', 'set', 'is', 'platform', 'node', 'red', 'app', 'forge', 'flow', 'fuse'
])

/** Whether a key reads like telemetry, tracking or an opt-out. @param key as written, in any alphabet */
export function readsLikeOptOut (key: string): boolean {
  const words = splitWords(key)
  // An `elementType` is within two edits of telemetry.
  if (editsToPart(words.filter((word) => !/^elements?$/.test(word)).join(''), 'telemetry') <= MAX_EDITS) return true
  if (isAboutTrack(words)) return true
  return runsOf(words).some((run) => isSubject(run) || run.some(hasSubject))
}

/** Whether a word has a subject in it. */
function hasSubject (word: string): boolean {
  if (PARTS.some((part) => word.length >= part.length - 1 && editsToPart(word, part) <= 1)) return true
  const rest = withoutAffixes(word)
  return rest !== word && isSubject([rest])
}

function isSubject (run: string[]): boolean {
  const { length } = run.join('')
  // Most keys are too short for most subjects.
  return SUBJECTS.some(([subject, allowed]) => (
    length >= subject.length - allowed && editsToRun(run, subject) <= allowed))
}

/**
 * Whether an environment variable reads like a mistyped `FF_TELEMETRY_DISABLED` or `DO_NOT_TRACK`. The variables of
 * other products, for example `NEXT_TELEMETRY_DISABLED`, do not: their name has an additional word.
 */
export function readsLikeOptOutVariable (name: string): boolean {
  const words = splitWords(name)
  const significant = words.filter((word) => !IN_VARIABLES.has(word))
  if (editsToRun([words.join('')], 'donottrack') <= MAX_EDITS) return true
  if (significant.length === 1 && editsToRun(significant, 'telemetry') <= MAX_EDITS) return true
  return /^(ff|flow|forge)/.test(words[0] ?? '') && readsLikeOptOut(name)
}

/** Splits a key into words, also at the humps of camelCase. Replaces each character by its Latin look-alike first. */
function splitWords (key: string): string[] {
  const latin = [...key.normalize('NFKC')
    .replace(/([\p{Ll}\d])(\p{Lu})/gu, '$1 $2')
    .normalize('NFKD').replace(/[\p{M}\p{Cf}]/gu, '').toLowerCase()]
    .map((character) => LOOK_ALIKES.get(character) ?? character).join('')
  return latin.split(/[^a-z]+/).filter(Boolean)
}

/** Whether nothing but `track`, or a `tracker`, is the subject: `track_usage`, `user_tracker`. */
function isAboutTrack (words: string[]): boolean {
  const others = words.filter((word) => !/^track(s|ers?)?$/.test(word))
  const isAlone = others.length === 0 && /^tracks?$/.test(words.join(''))
  return others.length < words.length && !isAlone && others.every((word) => WITH_TRACK.has(word))
}

/** The rest of a word without known parts: `userstrackingoff` is `tracking`. */
function withoutAffixes (word: string): string {
  const before = AFFIXES.find((affix) => word.startsWith(affix))
  if (before !== undefined) return withoutAffixes(word.slice(before.length))
  const after = AFFIXES.find((affix) => word.endsWith(affix))
  return after === undefined ? word : withoutAffixes(word.slice(0, -after.length))
}

/** The words of a key without those that stay allowed, which part it into runs. */
function runsOf (words: string[]): string[][] {
  const runs: string[][] = [[]]
  for (let at = 0; at < words.length; at++) {
    const [, rest] = /^track(?:ing|er)(.*)$/.exec(words[at]!) ?? []
    const isSplit = rest === '' && PROPERTIES.has(words[at + 1] ?? '')
    if (isSplit || PROPERTIES.has(rest ?? '') || ORDINARY.has(words[at]!)) runs.push([])
    else runs.at(-1)!.push(words[at]!)
    if (isSplit) at++
  }
  return runs.filter(({ length }) => length > 0)
}
