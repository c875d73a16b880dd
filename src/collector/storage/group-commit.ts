/** More waits than the database can soon commit. The sender is asked to come back later. */
export class QueueFullError extends Error {
  readonly code = 'queue_full'
}

export interface GroupCommit<Item, Result> {
  /** @returns what the commit made of the item, once it is committed @throws QueueFullError, or the commit's error */
  add: (item: Item) => Promise<Result>
  /** Resolves when nothing waits and nothing is being committed. */
  drained: () => Promise<void>
}

interface Waiting<Item, Result> {
  item: Item
  resolve: (result: Result) => void
  reject: (error: unknown) => void
}

export interface Limits {
  /** Items that may wait. Each holds a request open. */
  queue: number
  /** Items committed together at most. */
  batch: number
  /** True for an error that one item of the batch has brought upon the others. */
  isFaultOfItem: (error: unknown) => boolean
}

/**
 * Commits what waits, together: whatever arrives while one batch is being committed makes the next. There is no timer,
 * so a lone item waits for nothing, and the batches grow just as the load does.
 */
export function groupCommit<Item, Result> (
  commit: (items: Item[]) => Promise<Result[]>, limits: Limits
): GroupCommit<Item, Result> {
  const queue: Array<Waiting<Item, Result>> = []
  let running: Promise<void> | undefined

  async function run (): Promise<void> {
    while (queue.length > 0) {
      // Whatever has arrived by now is read first, and comes along.
      await new Promise(setImmediate)
      await commitTogether(queue.splice(0, limits.batch))
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
    async drained () { await running }
  }
}
