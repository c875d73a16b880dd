import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { dayOf } from '../day.js'
import type { Salts } from '../storage/salts.js'
import { parseAddress } from './proxies.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Milliseconds since 1970. */
    receivedAt: number
    /** Keyed hash of the client's address. The address itself never leaves this file. */
    addressHash: string
    /** Keyed hash of the client's network: the /64 of an IPv6 address, which one client often has; an IPv4 address. */
    networkHash: string
  }
}

/**
 * Hashes an address or a network with a secret key and the salt of the day. A plain hash of an IPv4 address could be
 * reversed in minutes by trying all 2^32 addresses. This one needs the key and the salt, which is destroyed later.
 *
 * @param salt always 64 characters, so that salt and address cannot be confused
 * @returns 64 hexadecimal digits
 */
export function hashAddress (key: KeyObject, salt: string, address: string): string {
  return createHmac('sha256', key).update(salt + address).digest('hex')
}

export interface Client {
  /** The address in its canonical form. Everything that is not an address becomes `unknown`, one client. */
  address: string
  /** The network by which requests are limited: an IPv4 address, or the /64 of an IPv6 address. */
  network: string
}

/** Reads the address of a client as it stands in a header or a socket. */
export function readClient (text: string): Client {
  const parsed = parseAddress(text)
  const address = parsed?.toString() ?? 'unknown'
  if (!parsed || parsed.kind() === 'ipv4') return { address, network: address }
  const prefix = parsed.toByteArray().slice(0, 8).map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return { address, network: `${prefix}::/64` }
}

export function hashKey (secret: string): KeyObject {
  return createSecretKey(secret, 'utf8')
}

interface Options {
  salts: Salts
  secret: string
  now: () => number
}

/** Hashes the client's address before any other hook runs. */
export const clientAddress = fp<Options>(async (app: FastifyInstance, { salts, secret, now }) => {
  const key = hashKey(secret)
  app.decorateRequest('receivedAt', 0)
  app.decorateRequest('addressHash', '')
  app.decorateRequest('networkHash', '')
  app.addHook('onRequest', async (request) => {
    request.receivedAt = now()
    const salt = await salts.of(dayOf(request.receivedAt))
    const { address, network } = readClient(request.ip ?? '')
    request.addressHash = hashAddress(key, salt, address)
    request.networkHash = network === address ? request.addressHash : hashAddress(key, salt, network)
  })
}, { name: 'collector.client-address', fastify: '5.x' })
