import { Value } from 'typebox/value'
import { pingProperties } from '../telemetry/ping.js'

/** A ping as a page shows it. */
export interface DescribedPing {
  /** The exact text, byte for byte. */
  text: string
  /** The length of the text in UTF-8. */
  bytes: number
  /** The text with line breaks and indentation. */
  pretty: string
  /** Every property of this ping with its value, and its description in the schema. */
  properties: { path: string, value: unknown, meaning: string, why: string }[]
}

/** Describes a ping for a page. @param text the exact text of the ping */
export function describePing (text: string): DescribedPing {
  const ping: unknown = JSON.parse(text)
  return {
    text,
    bytes: Buffer.byteLength(text),
    pretty: JSON.stringify(ping, null, 2),
    // A property that has not been agreed to is missing from the text.
    properties: pingProperties.map(({ path, schema: { description, why } }) => ({
      path, value: Value.Pointer.Get(ping, `/${path.replaceAll('.', '/')}`), meaning: description, why
    })).filter(({ value }) => value !== undefined)
  }
}
