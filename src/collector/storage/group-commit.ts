/** More waits than the database can soon commit. The sender is asked to come back later. */
export class QueueFullError extends Error {
  override name = 'QueueFullError'
  readonly code = 'queue_full'
}

export interface GroupCommit<Item, Result> {
  /** @returns what the commit made of the item, once it is committed @throws QueueFullError, or the commit's error */
  add: (item: Item) => Promise<Result>
  /** How many items wait for their commit to begin. */
  waiting: () => number
  /** Resolves when nothing waits and nothing is being committed. */
  drained: () => Promise<void>
}

interface Waiting<Item, Result> {
  item: Item
  resolve: (result: Result) => void
  reject: (error: unknown) => void
}

export interface Limits<Item> {
  /** Items that may wait. Each holds a request open. */
  queue: number
  /** Items committed together at most. */
  batch: number
  /** Items of one key are committed one after the other, never in one batch. */
  keyOf: (item: Item) => unknown
  /** True for an error that one item of the batch has caused for all. */
  isFaultOfItem: (error: unknown) => boolean
  /** Called with the size of each batch that is committed. */
  onBatch?: (size: number) => void
}

/**
 * Commits waiting items together: those that arrive while one batch is being committed make the next. There is no
 * timer, so a single item does not wait, and the batches grow with the load.
 */
export function groupCommit<Item, Result> (
  commit: (items: Item[]) => Promise<Result[]>, limits: Limits<Item>
): GroupCommit<Item, Result> {
  const queue: Array<Waiting<Item, Result>> = []
  let running: Promise<void> | undefined

  async function run (): Promise<void> {
    while (queue.length > 0) {
      // Whatever has arrived by now is read first, and comes along.
      await new Promise(setImmediate)
      const batch = takeBatch(queue, limits)
      limits.onBatch?.(batch.length)
      await commitTogether(batch)
    }
    running = undefined
  }

  /** Halves a batch that fails until the one item is found that cannot be stored: it fails alone. */
  async function commitTogether (batch: Array<Waiting<Item, Result>>): Promise<void> {
    try {
      const results = await commit(batch.map(({ item }) => item))
      batch.forEach(({ resolve }, index) => resolve(results[index]!))
    } catch (error) {
      if (batch.length === 1 || !limits.isFaultOfItem(error)) {
        batch.forEach(({ reject }) => reject(error))
        return
      }
      const middle = batch.length >> 1
      await commitTogether(batch.slice(0, middle))
      await commitTogether(batch.slice(middle))
    }
  }

  return {
    add (item) {
      if (queue.length >= limits.queue) return Promise.reject(new QueueFullError('too many pings wait to be stored'))
      return new Promise((resolve, reject) => {
        queue.push({ item, resolve, reject })
        running ??= run()
      })
    },
    waiting: () => queue.length,
    async drained () { await running }
  }
}

/** Takes the items of the next batch out of the queue, in their order; a second item of one key stays in it. */
function takeBatch<Item, Result> (
  queue: Array<Waiting<Item, Result>>, { batch: most, keyOf }: Limits<Item>
): Array<Waiting<Item, Result>> {
  const keys = new Set<unknown>()
  const batch: Array<Waiting<Item, Result>> = []
  const rest: Array<Waiting<Item, Result>> = []
  for (const waiting of queue.splice(0)) {
    const key = keyOf(waiting.item)
    const fits = batch.length < most && !keys.has(key)
    if (fits) keys.add(key)
    ;(fits ? batch : rest).push(waiting)
  }
  queue.push(...rest)
  return batch
}
