import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { rowOf } from '../../../src/collector/storage/columns.js'
import { groupCommit, QueueFullError } from '../../../src/collector/storage/group-commit.js'
import { isFaultOfPing, storePings, type Arrival } from '../../../src/collector/storage/pings.js'
import { startPostgres, type Postgres } from '../../helpers/postgres.js'
import { instanceId, openTestDatabase, PING, postgresUrl } from '../start-collector.js'

const LIMITS = { queue: 100, batch: 10, isFaultOfItem: () => false, keyOf: (item: number) => item }

/** A commit that the test completes. */
function heldCommit () {
  const batches: Array<{ items: number[], end: () => void }> = []
  const commit = (items: number[]) => new Promise<number[]>((resolve) => {
    batches.push({ items, end: () => resolve(items) })
  })
  return { batches, commit }
}

/** Lets all pending work run, including work that it schedules. */
async function turn (): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise(setImmediate)
}

test('items that arrive during a commit wait for the next batch, which has at most the size limit', async () => {
  const { batches, commit } = heldCommit()
  const { add, drained } = groupCommit(commit, LIMITS)
  const first = add(0)
  await turn()
  const results = Promise.all([first, ...Array.from({ length: 30 }, (_, i) => add(i + 1))])
  for (let i = 0; i < 4; i++) {
    assert.equal(batches.length, i + 1, 'one batch at a time')
    batches[i]!.end()
    await turn()
  }
  assert.deepEqual(batches.map(({ items }) => items.length), [1, 10, 10, 10])
  assert.deepEqual(await results, Array.from({ length: 31 }, (_, item) => item))
  await drained()
})

test('a batch takes half of the items, so that one half is committed while the other is read and answered', async () => {
  const { batches, commit } = heldCommit()
  const { add } = groupCommit(commit, LIMITS)
  // Each sender sends its next item when it has the answer, which takes a while.
  const send = async (item: number): Promise<void> => add(item).then(turn).then(() => send(item + 8))
  for (let i = 0; i < 8; i++) void send(i)
  await turn()
  for (let i = 0; i < 5; i++) {
    batches[i]!.end()
    await turn()
    await turn()
  }
  assert.deepEqual(batches.map(({ items }) => items.length), [4, 4, 4, 4, 4, 4])
})

test('no item is answered before its batch is committed', async () => {
  const { batches, commit } = heldCommit()
  const { add } = groupCommit(commit, LIMITS)
  let answered = false
  const result = add(1).then(() => { answered = true })
  await turn()
  assert.equal(answered, false)
  batches[0]!.end()
  await result
})

test('a full queue refuses at once, and accepts again when it has room', async () => {
  const { batches, commit } = heldCommit()
  const { add } = groupCommit(commit, { ...LIMITS, queue: 2 })
  const taken = [add(1), add(2)]
  await assert.rejects(Promise.race([add(3), turn()]), QueueFullError)
  await turn()
  taken.push(add(4))
  batches[0]!.end()
  await turn()
  batches[1]!.end()
  assert.deepEqual(await Promise.all(taken), [1, 2, 4])
})

test('a failure not caused by an item fails its batch, and the next batch is tried', async () => {
  let away = true
  const { add } = groupCommit(async (items: number[]) => {
    if (away) throw new Error('away')
    return items
  }, LIMITS)
  const results = await Promise.allSettled([add(1), add(2), add(3)])
  assert.deepEqual(results.map(({ status }) => status), ['rejected', 'rejected', 'rejected'])
  away = false
  assert.equal(await add(4), 4)
})

test('items of one key are never in the same batch, and keep their order', async () => {
  const batches: string[][] = []
  const { add } = groupCommit(async (items: string[]) => { batches.push(items); return items }, {
    ...LIMITS, keyOf: (item) => item[0]
  })
  await Promise.all(['a1', 'b1', 'a2', 'c1', 'a3', 'b2'].map(add))
  assert.deepEqual(batches, [['a1', 'b1', 'c1'], ['a2', 'b2'], ['a3']])
})

let postgres: Postgres
before(async () => { postgres = await startPostgres() })
after(() => postgres.stop())

test('a ping that the database refuses fails alone, and the others of its batch are stored', async (t) => {
  const db = await openTestDatabase(t, await postgresUrl(postgres))
  const { add } = groupCommit((arrivals: Arrival[]) => storePings(db, arrivals), {
    queue: 100, batch: 50, isFaultOfItem: isFaultOfPing, keyOf: ({ row }: Arrival) => row
  })
  // PostgreSQL cannot store a NUL character. The route refuses it, so bypass the route.
  const arrivals = Array.from({ length: 30 }, (_, i) => {
    const ping = { ...PING, instanceId: instanceId(i), os: { type: i === 17 ? 'a\0b' : `os ${i}` } }
    return { row: rowOf(ping, Date.now(), 'hash', null), networkHash: 'hash' }
  })
  const results = await Promise.allSettled(arrivals.map(add))
  assert.deepEqual(results.flatMap(({ status }, i) => status === 'rejected' ? [i] : []), [17])
  const stored = await db.query('SELECT os_type FROM pings')
  assert.equal(stored.length, 29)
})
