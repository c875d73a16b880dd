const BASE = 'http://platform.invalid'

/**
 * Returns a path to redirect to that was taken from a request; `/` if it may lead to another site. Browsers interpret
 * `//host`, `/\host` and paths with control characters as addresses of other sites.
 */
export function ownPath (text: unknown): string {
  if (typeof text !== 'string' || !/^\/(?![/\\])[!-~]{0,500}$/.test(text) || !URL.canParse(text, BASE)) return '/'
  const { origin, pathname, search } = new URL(text, BASE)
  return origin === BASE && !pathname.startsWith('//') ? pathname + search : '/'
}
