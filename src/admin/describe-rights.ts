import type { Flash } from './flash.js'

/** Longer answers are cut on the page, to keep it below 300 KB even if HTML escapes every character. */
const LONGEST_ANSWER = 2 ** 15

/** The result of a request to the receiver, as its section of the page shows it. */
export interface DescribedRights {
  /** The form that was sent. Its button gets the focus again. */
  form?: 'held' | 'forget' | 'new-id'
  /** A sentence that says what was done. */
  result?: string
  /** What the receiver holds, as text. */
  held?: string
  isHeldCut?: boolean
}

/** Describes the result of a request to the receiver. @param held the receiver's answer @param host of the receiver */
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
