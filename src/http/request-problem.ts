/** A request cannot be carried out. The message is shown to the client. */
export class RequestProblem extends Error {
  /**
   * @param field the field that has to be corrected; empty if it is not a single one
   * @param retryAfter seconds after which the same request may succeed
   */
  constructor (
    readonly statusCode: number,
    readonly code: string,
    message: string,
    readonly field = '',
    readonly retryAfter?: number
  ) {
    super(message)
  }
}
