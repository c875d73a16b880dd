/** A connection could not be made. The message repeats no value of an environment variable. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'

  constructor (readonly code: string, message: string) {
    super(message)
  }
}
