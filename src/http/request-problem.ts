/** A request that cannot be carried out, with the reason in words for whoever made it. */
export class RequestProblem extends Error {
  /** @param field the field that has to be corrected, where it is one */
  constructor (readonly statusCode: number, readonly code: string, message: string, readonly field = '') {
    super(message)
  }
}
