import { assertAwaited, clientGone } from '../http/hang-up.js'
import { RequestProblem } from '../http/request-problem.js'

const BUSY = 'Too many people are signing in at the moment. Try again soon.'

/** Limits how many tasks run at once. The others wait in order, and give up after a while. */
export class Slots {
  private readonly waiting: (() => void)[] = []

  /**
   * @param free the number of tasks that may run at once
   * @param patience how long a task waits for its turn, in milliseconds
   */
  constructor (private free: number, private readonly patience: number) {}

  /**
   * Runs a task when it is its turn.
   *
   * @param signal aborted if the result is no longer needed; a task that has not started by then is dropped
   * @throws RequestProblem 503 if the turn does not come in time; the task has not started then
   */
  async run<T> (task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    assertAwaited(signal)
    await this.acquire(signal)
    try {
      return await task()
    } finally {
      const next = this.waiting.shift()
      if (next) next()
      else this.free++
    }
  }

  private async acquire (signal?: AbortSignal): Promise<void> {
    if (this.free > 0) {
      this.free--
      return
    }
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', giveUp)
      }
      const start = () => {
        leave()
        resolve()
      }
      const giveUp = () => {
        leave()
        this.waiting.splice(this.waiting.indexOf(start), 1)
        reject(signal?.aborted ? clientGone() : new RequestProblem(503, 'busy', BUSY, '', 5))
      }
      const timer = setTimeout(giveUp, this.patience)
      signal?.addEventListener('abort', giveUp)
      this.waiting.push(start)
    })
  }
}
