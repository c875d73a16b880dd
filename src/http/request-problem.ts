/** A request that cannot be carried out, with the reason in words for whoever made it. */
export class RequestProblem extends Error {
  /**
   * @param field the field that has to be corrected, where it is one
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
