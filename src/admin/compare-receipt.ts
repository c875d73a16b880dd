/** One property of the ping, compared with the collector's receipt. */
export interface ComparedProperty {
  path: string
  /** Its value in the ping, as JSON; undefined if the collector added it. */
  sent?: string
  /** Its value in the receipt, as JSON; undefined if the collector dropped it. */
  kept?: string
  mark: 'kept' | 'changed' | 'dropped' | 'added'
}

export interface Comparison {
  properties: ComparedProperty[]
  /** Whether the receipt has more than is compared. */
  isCut: boolean
}

/** Limits of a comparison, because a receipt comes from outside and may be large or deeply nested. */
const LEVELS = 8
const ENTRIES = 100
const LONGEST_TEXT = 200

interface Leaf {
  path: string
  value: unknown
}

/**
 * Compares a ping with the collector's receipt, property by property: all properties of the ping, and up to 100 entries
 * altogether, 8 levels deep.
 *
 * @returns undefined if the receipt is not in the collector's format; other receivers may answer anything
 */
export function compareReceipt (body: string, receipt: string | null): Comparison | undefined {
  const received = readObject(receipt)?.received
  const ping = readObject(body)
  if (!isBranch(received) || !ping) return undefined
  const sent = flatten(ping)
  const kept = flatten(received)
  const paths = new Set(sent.leaves.map(({ path }) => path))
  const added = kept.leaves.filter(({ path }) => !paths.has(path))
  const room = ENTRIES - sent.leaves.length
  return {
    properties: [
      ...sent.leaves.map(({ path, value }) => compare(path, value, find(received, path))),
      ...added.slice(0, room).map(({ path, value }) => (
        { path: cut(path), kept: toText(value), mark: 'added' as const }))
    ],
    isCut: kept.isCut || added.length > room
  }
}

function compare (path: string, sent: unknown, kept: unknown): ComparedProperty {
  const pair = { path: cut(path), sent: toText(sent), kept: kept === undefined ? undefined : toText(kept) }
  if (kept === undefined || kept === null) return { ...pair, mark: 'dropped' }
  return { ...pair, mark: sent === kept ? 'kept' : 'changed' }
}

function readObject (text: string | null): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '')
    return isBranch(value) ? value : undefined
  } catch {
    // Not JSON, so it is shown unchanged.
    return undefined
  }
}

/** Finds the value at a path of the ping, whose names contain no dots. */
function find (value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((parent, name) => (
    isBranch(parent) && Object.hasOwn(parent, name) ? parent[name] : undefined), value)
}

/** Lists the values of an object with their paths, in order: `{a: {b: 1}}` becomes `a.b` -> `1`. */
function flatten (root: object): { leaves: Leaf[], isCut: boolean } {
  const leaves: Leaf[] = []
  let isCut = false
  const visit = (parent: Record<string, unknown>, prefix: string, level: number) => {
    for (const name in parent) {
      if (leaves.length > ENTRIES) return
      const value = parent[name]
      const isDeep = level === LEVELS
      if (isBranch(value) && isDeep) isCut = true
      if (isBranch(value) && !isDeep) visit(value, `${prefix}${name}.`, level + 1)
      else leaves.push({ path: prefix + name, value })
    }
  }
  visit(root as Record<string, unknown>, '', 1)
  return { leaves, isCut: isCut || leaves.length > ENTRIES }
}

const isBranch = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** Formats a value as JSON. Abbreviates objects and lists, which may be deeply nested. */
const toText = (value: unknown) => isBranch(value) ? (Array.isArray(value) ? '[…]' : '{…}') : cut(JSON.stringify(value))

const cut = (text: string) => text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text
