import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { readClient } from '../../network/addresses.js'
import { dayOf } from '../day.js'
import type { Salts } from '../storage/salts.js'

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
  app.addHook('onRequest', (request, _reply, done) => {
    request.receivedAt = now()
    const hashClient = (salt: string) => {
      const { address, network } = readClient(request.ip ?? '')
      request.addressHash = hashAddress(key, salt, address)
      request.networkHash = network === address ? request.addressHash : hashAddress(key, salt, network)
    }
    const salt = salts.of(dayOf(request.receivedAt))
    if (typeof salt !== 'string') {
      salt.then(hashClient).then(() => { done() }, done)
      return
    }
    hashClient(salt)
    done()
  })
}, { name: 'collector.client-address', fastify: '5.x' })
