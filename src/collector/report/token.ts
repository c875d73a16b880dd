import { createHash, timingSafeEqual } from 'node:crypto'

/**
 * Checks whether a request has the token: as `Authorization: Bearer TOKEN`, or as the password of HTTP Basic, for which
 * browsers show a form. Compares hashes in constant time.
 */
export function carriesToken (authorization: string | undefined, token: string): boolean {
  const [, scheme, credentials] = /^(\S+) (.*)$/.exec(authorization ?? '') ?? []
  if (scheme === undefined || credentials === undefined) return false
  return timingSafeEqual(digest(secretOf(scheme, credentials)), digest(token))
}

function secretOf (scheme: string, credentials: string): string {
  if (scheme.toLowerCase() !== 'basic') return scheme.toLowerCase() === 'bearer' ? credentials : ''
  const decoded = Buffer.from(credentials, 'base64').toString('utf8')
  return decoded.slice(decoded.indexOf(':') + 1)
}

const digest = (secret: string) => createHash('sha256').update(secret).digest()
