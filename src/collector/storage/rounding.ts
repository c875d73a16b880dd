/** What may be published of a count, so that nobody is recognised by it. */

export interface Bucket {
  bucket: string
  value: number
}

/** A bucket before it is published. */
export interface CountedBucket extends Bucket {
  /** How many of its installations were the first that an address brought in on their first day. */
  senders: number
}

/** Fewer installations than this that share something could be recognised by it. */
export const SMALLEST = 5

/**
 * Rounds down to a multiple of 5. So fewer than 5 are none, two figures never differ by fewer than 5, and 20
 * installations more never add more than 20.
 */
export function roundCount (count: number): number {
  return count - count % SMALLEST
}

/**
 * Rounds a sum over installations to a step of at least 5 times what one installation can add: one changes it by a fifth
 * of a step at most. Steps are 1, 2 or 5 times a power of ten, at least 5.
 */
export function roundTotal (total: number, most: number): number {
  const least = Math.max(SMALLEST, SMALLEST * most)
  const power = 10 ** Math.floor(Math.log10(least))
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= least)!
  return Math.round(total / step) * step
}

/**
 * Folds small buckets into `other`: those of fewer than 5 installations or 5 senders, and all but the `most` largest. An
 * `other` below 5 is left out: as all counts and their whole are rounded, it cannot be worked out.
 *
 * Senders count because one that invents four installations beside a real one would else make the real one visible.
 *
 * @returns the largest first, `other` last; nothing if all together are fewer than 5
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
