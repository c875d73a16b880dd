import { RequestProblem } from '../http/request-problem.js'

/** Lets a few tasks run at once. The others wait for their turn, in order, and give up after a while. */
export class Slots {
  private readonly waiting: (() => void)[] = []

  /**
   * @param free how many tasks run at once
   * @param patience milliseconds that a task waits for its turn
   */
  constructor (private free: number, private readonly patience: number) {}

  /** @throws RequestProblem 503 when its turn does not come in time; the task has not started then */
  async run<T> (task: () => Promise<T>): Promise<T> {
    await this.acquire()
    try {
      return await task()
    } finally {
      const next = this.waiting.shift()
      if (next) next()
      else this.free++
    }
  }

  private async acquire (): Promise<void> {
    if (this.free > 0) {
      this.free--
      return
    }
    return new Promise((resolve, reject) => {
      const start = () => {
        clearTimeout(timer)
        resolve()
      }
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(start), 1)
        reject(new RequestProblem(503, 'busy', 'Too many people are signing in at the moment. Try again soon.', '', 5))
      }, this.patience)
      this.waiting.push(start)
    })
  }
}
