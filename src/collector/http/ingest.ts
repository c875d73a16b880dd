import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Sequelize } from 'sequelize'
import { receiptOf, rowOf, type Row } from '../storage/columns.js'
import { groupCommit } from '../storage/group-commit.js'
import { pingBody } from './ping-body.js'
import { isFaultOfRow, storeRows } from '../storage/pings.js'

/** 2,000 waiting pings are some 2 MB, and at the measured pace (docs/collector.md) less than a second. */
const LIMITS = { queue: 2000, batch: 500, isFaultOfItem: isFaultOfRow }

const headers = {
  type: 'object',
  properties: { 'idempotency-key': { type: 'string', pattern: '^[\\x21-\\x7e]{1,128}$' } }
}

interface Options {
  db: Sequelize
}

/** Takes pings in, and answers each after the row that holds it is committed. */
export const intake = fp<Options>(async (app: FastifyInstance, { db }) => {
  const commits = groupCommit((rows: Row[]) => storeRows(db, rows), LIMITS)
  app.addHook('onClose', () => commits.drained())

  async function receivePing (request: FastifyRequest) {
    const key = request.headers['idempotency-key'] as string | undefined
    const stored = await commits.add(rowOf(request.body as object, request.receivedAt, request.addressHash, key ?? null))
    return { status: 'success', received: receiptOf(stored) }
  }
  for (const url of ['/', '/ping']) app.post(url, { schema: { headers, body: pingBody } }, receivePing)
}, { name: 'collector.intake', dependencies: ['collector.sender'], fastify: '5.x' })
