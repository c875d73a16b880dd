import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'

/** An IPv4 address is one address, also where a dual-stack socket writes it as IPv6, in whichever spelling. */
function canonicalAddress (address: string): string {
  if (isIPv4(address) || !ipaddr.isValid(address)) return address
  return ipaddr.process(address).toString()
}

/**
 * All that is kept of an address. A plain hash of an IPv4 address is undone in minutes by trying all 2^32 of them;
 * this one cannot even be tried without the key, nor, once the day's salt is destroyed, with it.
 *
 * @param salt of the day, always 64 characters, so that salt and address cannot run into each other
 * @returns 64 hexadecimal digits
 */
export function hashAddress (key: KeyObject, salt: string, address: string): string {
  return createHmac('sha256', key).update(salt + canonicalAddress(address)).digest('hex')
}

export function hashKey (secret: string): KeyObject {
  return createSecretKey(secret, 'utf8')
}
