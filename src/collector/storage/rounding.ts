/** What may be published of a count, so that nobody is recognised by it. */

export interface Bucket {
  bucket: string
  value: number
}

/** Fewer installations than this that share something could be recognised by it. */
export const SMALLEST = 5

/** Rounds to a multiple of 5; fewer than 5 are none. So two figures never differ by fewer than 5. */
export function roundCount (count: number): number {
  return count < SMALLEST ? 0 : Math.round(count / SMALLEST) * SMALLEST
}

/**
 * Rounds a sum over installations to a step of at least 5 times what one installation can add: the change of one is
 * never more than a fifth of a step. Steps are 1, 2 or 5 times a power of ten, at least 5.
 */
export function roundTotal (total: number, most: number): number {
  const least = Math.max(SMALLEST, SMALLEST * most)
  const power = 10 ** Math.floor(Math.log10(least))
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= least)!
  return Math.round(total / step) * step
}

/**
 * Folds small buckets into `other`: those below 5, and all but the `most` largest. An `other` below 5 is left out: as
 * all counts and their whole are rounded, it cannot be worked out.
 *
 * @returns the largest first, `other` last; nothing if all together are fewer than 5
 */
export function foldBuckets (buckets: Bucket[], most = Infinity): Bucket[] {
  const sorted = buckets.filter(({ bucket }) => bucket !== 'other')
    .toSorted((a, b) => b.value - a.value || (a.bucket < b.bucket ? -1 : 1))
  const kept = sorted.filter(({ value }) => value >= SMALLEST).slice(0, most)
  const other = sum(buckets) - sum(kept)
  return other >= SMALLEST ? [...kept, { bucket: 'other', value: other }] : kept
}

const sum = (buckets: Bucket[]) => buckets.reduce((all, { value }) => all + value, 0)
