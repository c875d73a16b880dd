import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Database } from '../storage/database.js'
import { forgetInstallation, readHeld } from '../storage/rights.js'
import { instanceId } from './ping-body.js'

const body = {
  type: 'object',
  required: ['instanceId'],
  additionalProperties: false,
  properties: { instanceId }
}

interface Options {
  db: Database
}

/** `POST /held` and `POST /forget`. Knowing the random id of an installation authorises both. */
export const rights = fp<Options>(async (app: FastifyInstance, { db }) => {
  const options = { schema: { body }, onRequest: app.whenReady }
  app.post<{ Body: { instanceId: string } }>('/held', options, async ({ body }, reply) => {
    reply.header('cache-control', 'no-store')
    return { status: 'success', held: await readHeld(db, body.instanceId) }
  })
  app.post<{ Body: { instanceId: string } }>('/forget', options, async ({ body }) =>
    ({ status: 'success', forgotten: await forgetInstallation(db, body.instanceId) }))
}, { name: 'collector.rights', dependencies: ['collector.client-address', 'collector.maintenance'], fastify: '5.x' })
