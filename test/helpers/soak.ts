/**
 * `npm run test:soak` tries all cases; `npm test` tries those that find most in a few minutes. Files that import this
 * run in both.
 */
export const isSoak = process.env.SOAK === '1'

/** `few` in `npm test`, `many` in the soak test. */
export const inSoak = <Value>(many: Value, few: Value): Value => isSoak ? many : few

/** All of `list` in the soak test; else those at these indexes. */
export const someOf = <Entry>(list: readonly Entry[], ...places: number[]): Entry[] =>
  list.filter((_entry, place) => inSoak(true, places.includes(place)))

/** The options of a test of which another one shows enough in `npm test`. */
export const onlyInSoak = { skip: inSoak<boolean | string>(false, 'runs in the soak test') }
