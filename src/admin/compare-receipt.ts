/** What became of one property between the ping and the collector's receipt. */
export interface ComparedProperty {
  path: string
  /** Its value in the ping, as JSON; undefined where the collector added it. */
  sent?: string
  /** Its value in the receipt, as JSON; undefined where the collector dropped it. */
  kept?: string
  mark: 'kept' | 'changed' | 'dropped' | 'added'
}

/**
 * Compares a ping with what the collector says it has kept of it, property by property.
 *
 * @returns undefined where the receipt tells nothing that can be compared: other collectors answer as they like
 */
export function compareReceipt (body: string, receipt: string | null): ComparedProperty[] | undefined {
  const received = readReceived(receipt)
  if (!received) return undefined
  const sent = flatten(JSON.parse(body) as object)
  const kept = flatten(received)
  return [...new Set([...sent.keys(), ...kept.keys()])].map((path) => {
    const pair = { sent: sent.get(path), kept: kept.get(path) }
    return { path, ...pair, mark: markOf(pair) }
  })
}

function markOf ({ sent, kept }: { sent?: string, kept?: string }): ComparedProperty['mark'] {
  if (sent === undefined) return 'added'
  if (kept === undefined || kept === 'null') return 'dropped'
  return sent === kept ? 'kept' : 'changed'
}

function readReceived (receipt: string | null): object | undefined {
  try {
    const { received } = JSON.parse(receipt ?? '{}') as { received?: unknown }
    return typeof received === 'object' && received !== null ? received : undefined
  } catch {
    // Not JSON: shown as it came.
    return undefined
  }
}

/** Every value with its path: `{a: {b: 1}}` becomes `a.b` -> `1`. */
function flatten (value: object, parent = ''): Map<string, string> {
  return new Map(Object.entries(value).flatMap(([key, child]) => {
    const path = parent + key
    return typeof child === 'object' && child !== null && !Array.isArray(child)
      ? [...flatten(child, `${path}.`)]
      : [[path, JSON.stringify(child)] as const]
  }))
}
