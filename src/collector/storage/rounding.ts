/** Rounds counts and folds buckets, so that published figures identify nobody. */

export interface Bucket {
  bucket: string
  value: number
}

/** A bucket before it is folded. */
export interface CountedBucket extends Bucket {
  /** How many of its installations were the first that an address added on that day. */
  senders: number
}

/** A bucket with fewer installations than this could identify them. */
export const SMALLEST = 5

/**
 * Rounds a count down to a multiple of 5. So less than 5 is 0, two figures never differ by less than 5, and 20
 * installations more never add more than 20.
 */
export function roundCount (count: number): number {
  return count - count % SMALLEST
}

/**
 * Rounds a sum over installations to a step of at least 5 times `most`, the largest count of one installation, which so
 * changes the sum by at most a fifth of a step. Steps are 1, 2 or 5 times a power of ten, at least 5.
 */
export function roundTotal (total: number, most: number): number {
  const least = Math.max(SMALLEST, SMALLEST * most)
  const power = 10 ** Math.floor(Math.log10(least))
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= least)!
  return Math.round(total / step) * step
}

/**
 * Folds small buckets into `other`: those with fewer than 5 installations or 5 senders, and all but the `most` largest.
 * Leaves out an `other` below 5; it cannot be derived, because all counts and their sum are rounded.
 *
 * Senders are counted because otherwise one sender could add four false installations to a real one, and so reveal it.
 *
 * @returns the buckets, largest first, `other` last; empty if all together are fewer than 5
 */
export function foldBuckets (buckets: CountedBucket[], most = Infinity): Bucket[] {
  const sorted = buckets.filter(({ bucket }) => bucket !== 'other')
    .toSorted((a, b) => b.value - a.value || (a.bucket < b.bucket ? -1 : 1))
  const kept = sorted.filter(({ value, senders }) => value >= SMALLEST && senders >= SMALLEST).slice(0, most)
    .map(({ bucket, value }) => ({ bucket, value }))
  const other = sum(buckets) - sum(kept)
  return other >= SMALLEST ? [...kept, { bucket: 'other', value: other }] : kept
}

const sum = (buckets: Bucket[]) => buckets.reduce((all, { value }) => all + value, 0)
