const BASE = 'http://platform.invalid'

/**
 * A path of this platform to go on to, taken from a request; `/` for anything else. Browsers read `//host`, `/\host` and
 * paths with control characters as addresses of other sites.
 */
export function ownPath (text: unknown): string {
  if (typeof text !== 'string' || !/^\/(?![/\\])[!-~]{0,500}$/.test(text) || !URL.canParse(text, BASE)) return '/'
  const { origin, pathname, search } = new URL(text, BASE)
  return origin === BASE && !pathname.startsWith('//') ? pathname + search : '/'
}
