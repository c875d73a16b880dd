/** A request that cannot be carried out, with the reason in words for whoever made it. */
export class RequestProblem extends Error {
  /**
   * @param field the field that has to be corrected, where it is one
   * @param retryAfter seconds after which the same request may succeed
   */
  constructor (
    readonly statusCode: number, readonly code: string, message: string, readonly field = '', readonly retryAfter?: number
  ) {
    super(message)
  }
}

/** The problem of a request whose client has hung up. Nobody reads it, and nothing is logged of it. */
export const clientGone = () => new RequestProblem(400, 'client_gone', 'The client has closed the connection.')

/**
 * Ends work that nobody waits for any more.
 *
 * @param signal the request's
 * @throws RequestProblem if the client has hung up, or has its answer
 */
export function assertAwaited (signal?: AbortSignal): void {
  if (signal?.aborted) throw clientGone()
}
