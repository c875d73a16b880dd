/**
 * `npm run test:soak` takes the time to try everything; `npm test` tries what finds most in a few minutes. The files that
 * tell the two apart by this run in both.
 */
export const isSoak = process.env.SOAK === '1'

/** `few` in `npm test`, `many` in the soak. */
export const inSoak = <Value>(many: Value, few: Value): Value => isSoak ? many : few

/** All of `list` in the soak; else those at these places. */
export const someOf = <Entry>(list: readonly Entry[], ...places: number[]): Entry[] =>
  list.filter((_entry, place) => inSoak(true, places.includes(place)))
