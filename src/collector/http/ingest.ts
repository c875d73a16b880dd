import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { positionOf, receiptOf, rowOf, type Row } from '../storage/columns.js'
import type { Database } from '../storage/database.js'
import { groupCommit, type GroupCommit } from '../storage/group-commit.js'
import { isFaultOfPing, storePings, type Arrival } from '../storage/pings.js'
import { RequestError } from './errors.js'
import { pingBody } from './ping-body.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Pings that wait to be stored. */
    waitingPings: Pick<GroupCommit<Arrival, Row>, 'waiting'>
  }
}

const INSTANCE = positionOf('instance_id')

/** 2,000 waiting pings take some 2 MB, and less than a second at the measured rate (docs/collector.md). */
const LIMITS = {
  queue: 2000, batch: 500, isFaultOfItem: isFaultOfPing, keyOf: ({ row }: Arrival) => row[INSTANCE]
}

const headers = {
  type: 'object',
  properties: { 'idempotency-key': { type: 'string', pattern: '^[\\x21-\\x7e]{1,128}$' } }
}

interface Options {
  db: Database
  onBatch?: (size: number) => void
}

/** Accepts pings, and answers each one after its row is committed. */
export const ingest = fp<Options>(async (app: FastifyInstance, { db, onBatch }) => {
  const limits = { ...LIMITS, ...(onBatch && { onBatch }) }
  const commits = groupCommit((arrivals: Arrival[]) => storePings(db, arrivals), limits)
  app.decorate('waitingPings', commits)
  app.addHook('onClose', () => commits.drained())

  async function receivePing (request: FastifyRequest) {
    const key = request.headers['idempotency-key'] as string | undefined
    const row = rowOf(request.body as object, request.receivedAt, request.addressHash, key ?? null)
    const stored = await commits.add({ row, networkHash: request.networkHash })
    return { status: 'success', received: receiptOf(stored) }
  }
  for (const url of ['/', '/ping']) {
    app.post(url, { schema: { headers, body: pingBody }, onRequest: [app.whenReady, refuseEncoding] }, receivePing)
  }
}, { name: 'collector.ingest', dependencies: ['collector.client-address', 'collector.maintenance'], fastify: '5.x' })

const refuseEncoding: onRequestHookHandler = (request, _reply, done) => {
  const encoding = request.headers['content-encoding']
  if (encoding && encoding.toLowerCase() !== 'identity') {
    return done(new RequestError(415, 'a ping is sent without content-encoding'))
  }
  done()
}
