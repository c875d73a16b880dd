import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { LOGIN_BODY_LIMIT } from '../../src/accounts/login.js'
import { prepareHome, startProcess } from './process.js'
import { locate, preload } from './program.js'
import { SignedIn } from './signed-in.js'
import { inSoak } from './soak.js'
import { within } from './within.js'

export interface Crowd {
  /** Requests whose body never ends. */
  half: number
  /** Connections that send nothing. */
  idle: number
  /** Logins that are sent at the same moment, each from a different address. */
  logins: number
}

const MINUTE = 60_000
const MEGABYTE = 2 ** 20
const AT_ONCE = 100
const LOOKS = inSoak(30, 10)

/** In the soak test nothing else runs; in `npm test` other files use the processors, too. */
const MOST_TIMES: Partial<Times> = inSoak({ median: 5, p90: 5, longest: 10 }, { median: 20 })

/**
 * In the soak test the platform comes after its clients, which would have processors of their own: otherwise their waiting
 * would be measured, too.
 */
const AFTER_CLIENTS = inSoak(['nice', '-n', '10'], [])

/** Measured so often, and the logins come so often, from new addresses: the middle figure counts, as one moment says little. */
const ROUNDS = inSoak(3, 1)
const FIRST_NETWORK = 3

const PATHS = ['/health', '/admin/settings/telemetry']

/** The limit of every answer, also where other files use the processors. */
const LONGEST_MS = 3_000

/** An answer within this time counts as immediate: shorter times are noise. */
const AT_ONCE_MS = 10

/** The largest accepted body; half of it is sent. */
const BODY_BYTES = LOGIN_BODY_LIMIT
const HEAD = 'POST /account/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n' +
  `content-length: ${BODY_BYTES}\r\n`

/** Each from a different address: a request over a limit would be answered before its body. */
const half = (n: number) => `${HEAD}x-forwarded-for: 10.2.${n >> 8}.${n & 255}\r\n\r\n${'x'.repeat(BODY_BYTES / 2)}`

/** Signs in with a wrong password, from an address that the proxy reports. */
function login (network: number, n: number): string {
  const body = JSON.stringify({ username: `user-${network}-${n}`, password: 'wrong' })
  return 'POST /account/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n' +
    `x-forwarded-for: 10.${network}.${n >> 8}.${n & 255}\r\ncontent-length: ${body.length}\r\n\r\n${body}`
}

/**
 * Lets a crowd connect to a platform's process at once. Checks that nine of ten other requests are answered within five
 * times the time of nine of ten that are idle, their median within five times the idle one, and the slowest within ten
 * times the slowest (in the soak test). The platform uses at most 100 MB more.
 *
 * @returns resolves when every connection that the crowd has left open is closed
 */
export async function meetCrowd (t: TestContext, crowd: Crowd): Promise<() => Promise<void>> {
  const telemetry = { url: 'http://127.0.0.1:9', enabled: false }
  const home = await prepareHome(t, { trust_proxy: ['127.0.0.1'], telemetry }, false)
  const { child, url } = await startProcess(t, home, {}, AFTER_CLIENTS)
  const administrator = await SignedIn.setUp(url)
  const time = startTiming(t, url, administrator.cookie)
  // Code that runs for the first time is slower.
  await time()
  const first = await bring(t, url, { half: 0, idle: 0, logins: crowd.logins })
  await Promise.all(first.slice(0, crowd.logins).map((socket, n) => signIn(socket, FIRST_NETWORK + ROUNDS, n)))
  for (const socket of first) socket.destroy()
  const idle: Round[] = []
  const during: Round[] = []
  for (let round = 0; round < ROUNDS; round++) idle.push(await time())
  const memory = memoryOf(child.pid!)
  const sockets = await bring(t, url, crowd)
  const people = sockets.slice(-crowd.logins)
  const last = performance.now()
  for (let round = 0; round < ROUNDS; round++) {
    const attempts = Promise.all(people.map((socket, n) => signIn(socket, FIRST_NETWORK + round, n)))
    during.push(await time())
    const grown = (memoryOf(child.pid!) - memory) / MEGABYTE
    const statuses = await within('the logins', attempts)
    t.diagnostic(JSON.stringify({ during: during.at(-1), grown, busy: statuses.filter((status) => status === 503).length }))
    assert.ok(grown <= 100, `${grown} MB more`)
    assert.deepEqual(statuses.filter((status) => ![401, 503].includes(status)), [])
  }
  for (const path of PATHS) {
    const [now, before] = [during, idle].map((rounds) => middleOf(rounds.map((round) => round[path]!))) as [Times, Times]
    t.diagnostic(JSON.stringify({ path, before, now }))
    for (const figure of Object.keys(MOST_TIMES) as Array<keyof Times>) {
      const most = MOST_TIMES[figure]! * Math.max(before[figure], AT_ONCE_MS)
      assert.ok(now[figure] <= most, `${path}, ${figure}: ${now[figure]} ms, idle ${before[figure]} ms`)
    }
    assert.ok(now.longest <= LONGEST_MS, `${path}: ${now.longest} ms`)
  }
  return async () => {
    const open = sockets.filter(({ closed }) => !closed).map((socket) => once(socket, 'close'))
    await within('the end of all connections', Promise.all(open), MINUTE - (performance.now() - last))
  }
}

async function bring (t: TestContext, url: string, crowd: Crowd): Promise<net.Socket[]> {
  const sockets: net.Socket[] = []
  t.after(() => { for (const socket of sockets) socket.destroy() })
  while (sockets.length < crowd.half + crowd.idle + crowd.logins) {
    const some = Array.from({ length: AT_ONCE }, (_, n) => (
      connect(url, sockets.length + n < crowd.half ? half(sockets.length + n) : '')))
    sockets.push(...await within('the connections', Promise.all(some)))
  }
  return sockets
}

/** Writes prepared bytes, because a client as expensive as the platform would be half of what is measured. */
async function signIn (socket: net.Socket, network: number, n: number): Promise<number> {
  socket.write(login(network, n))
  const [answer] = await once(socket, 'data') as [Buffer]
  return Number(answer.toString('latin1').slice(9, 12))
}

/** Milliseconds; nine of ten answers take at most `p90`. */
interface Times { median: number, p90: number, longest: number }

/** By path. */
type Round = Record<string, Times>

function middleOf (rounds: Times[]): Times {
  const middle = (figure: keyof Times) => rounds.map((times) => times[figure]).toSorted((a, b) => a - b)[rounds.length >> 1]!
  return { median: middle('median'), p90: middle('p90'), longest: middle('longest') }
}

/** Starts a process that measures answer times in milliseconds on request. */
function startTiming (t: TestContext, url: string, cookie: string): () => Promise<Round> {
  const program = [...preload(), locate('test/helpers/time-answers.ts'), url, cookie, String(LOOKS), ...PATHS]
  const child = spawn(process.execPath, program, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => { child.kill('SIGKILL') })
  const lines = createInterface({ input: child.stdout })
  return async () => {
    child.stdin.write('\n')
    const [line] = await within('the answers', once(lines, 'line')) as [string]
    return Object.fromEntries(Object.entries(JSON.parse(line) as Record<string, number[]>).map(([path, times]) => {
      const sorted = times.toSorted((a, b) => a - b)
      return [path, { median: sorted[LOOKS / 2]!, p90: sorted[LOOKS * 0.9]!, longest: sorted.at(-1)! }]
    }))
  }
}

async function connect (url: string, bytes: string): Promise<net.Socket> {
  const socket = net.connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => { /* the server may reset the connection */ })
  await once(socket, 'connect')
  socket.resume()
  if (bytes) socket.write(bytes)
  return socket
}

/** The memory of a process in bytes. */
const memoryOf = (pid: number) => process.platform === 'linux'
  ? Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024
  : Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)]).toString()) * 1024
