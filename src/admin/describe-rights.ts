import type { Flash } from './flash.js'

/**
 * Longer answers are cut on the page, which stays below 300 KB also where HTML escapes all of it. The command line shows
 * all.
 */
const LONGEST_ANSWER = 2 ** 15

/** What the section about the receiver shows of the request just made there. */
export interface DescribedRights {
  /** The form that was sent: its button has the focus again. */
  form?: 'held' | 'forget' | 'new-id'
  /** What was done. */
  result?: string
  /** What the receiver holds, as text. */
  held?: string
  isHeldCut?: boolean
}

/** Describes what became of the request just made. @param held the receiver's answer @param host the receiver */
export function describeRights (flash: Flash | undefined, held: object | undefined, host: string): DescribedRights {
  if (held) {
    const text = JSON.stringify(held, null, 2)
    return { form: 'held', held: text.slice(0, LONGEST_ANSWER), isHeldCut: text.length > LONGEST_ANSWER }
  }
  if (flash === 'new-id') return { form: flash, result: 'This installation has a new id.' }
  if (flash === 'held' || flash === 'forget') return { form: flash }
  const pings = /^forgotten-(\d+)$/.exec(flash ?? '')?.[1]
  if (pings === undefined) return {}
  const deleted = `${pings} ${pings === '1' ? 'ping' : 'pings'}`
  return {
    form: 'forget',
    result: `${host} says that it has deleted ${deleted} and everything else that it held of this installation. ` +
      'This installation has a new id.'
  }
}
