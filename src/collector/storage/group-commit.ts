/** Too many items wait for the database. The sender should try again later. */
export class QueueFullError extends Error {
  override name = 'QueueFullError'
  readonly code = 'queue_full'
}

export interface GroupCommit<Item, Result> {
  /**
   * Adds an item.
   *
   * @returns the commit's result for it, once it is committed
   * @throws QueueFullError, or the commit's error
   */
  add: (item: Item) => Promise<Result>
  /** Returns the number of items whose commit has not begun. */
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
  /** The limit of waiting items. Each holds a request open. */
  queue: number
  /** The limit of items in one batch. */
  batch: number
  /** Returns the key of an item. Items of one key are never committed in the same batch. */
  keyOf: (item: Item) => unknown
  /** Checks whether one item of the batch has caused an error. */
  isFaultOfItem: (error: unknown) => boolean
  /** Called with the size of each batch that is committed. */
  onBatch?: (size: number) => void
}

/**
 * Commits items in batches, one at a time: items that arrive while one is being committed wait for the next. There is
 * no timer, so a single item does not wait, and batches grow with the load.
 *
 * A batch takes half of the items. So the database commits one half while this process reads and answers the other;
 * with all of them in one batch, each would wait for the other.
 */
export function groupCommit<Item, Result> (
  commit: (items: Item[]) => Promise<Result[]>, limits: Limits<Item>
): GroupCommit<Item, Result> {
  const queue: Array<Waiting<Item, Result>> = []
  let running: Promise<void> | undefined

  async function run (): Promise<void> {
    let batch: Array<Waiting<Item, Result>> = []
    while (queue.length > 0) {
      // Requests that have already arrived join the batch.
      await new Promise(setImmediate)
      // The senders of the batch that has just been answered are about to send the next items.
      batch = takeBatch(queue, Math.min(Math.ceil((queue.length + batch.length) / 2), limits.batch), limits.keyOf)
      limits.onBatch?.(batch.length)
      await commitTogether(batch)
    }
    running = undefined
  }

  /** Commits a batch. If one item causes an error, splits the batch in halves until only that item fails. */
  async function commitTogether (batch: Array<Waiting<Item, Result>>): Promise<void> {
    try {
      const results = await commit(batch.map(({ item }) => item))
      batch.forEach(({ resolve }, index) => resolve(results[index]!))
    } catch (error) {
      if (batch.length === 1 || !limits.isFaultOfItem(error)) {
        return batch.forEach(({ reject }) => reject(error))
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

/** Removes the items of the next batch from the queue, in order. Further items of the same key stay in the queue. */
function takeBatch<Item, Result> (
  queue: Array<Waiting<Item, Result>>, most: number, keyOf: Limits<Item>['keyOf']
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
