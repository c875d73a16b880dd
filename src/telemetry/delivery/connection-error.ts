/** There is no connection; the message says why, without the value of any variable, and the code sorts it. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'

  constructor (readonly code: string, message: string) {
    super(message)
  }
}
