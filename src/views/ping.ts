import { Value } from 'typebox/value'
import { pingProperties } from '../telemetry/ping.js'

/** A ping, told to a person. */
export interface DescribedPing {
  /** The exact text, byte for byte. */
  text: string
  /** How many bytes that is, in UTF-8. */
  bytes: number
  /** The same with line breaks, for reading. */
  pretty: string
  /** Every property of this ping with its value, and what the schema says of it. */
  properties: { path: string, value: unknown, meaning: string, why: string }[]
}

/** @param text the exact text of a ping */
export function describePing (text: string): DescribedPing {
  const ping: unknown = JSON.parse(text)
  return {
    text,
    bytes: Buffer.byteLength(text),
    pretty: JSON.stringify(ping, null, 2),
    // A property that joined after the last yes is not in it.
    properties: pingProperties.map(({ path, schema: { description, why } }) => ({
      path, value: Value.Pointer.Get(ping, `/${path.replaceAll('.', '/')}`), meaning: description, why
    })).filter(({ value }) => value !== undefined)
  }
}
