import { AsyncLocalStorage } from 'node:async_hooks'
import { createSocket, type Socket } from 'node:dgram'
import dns from 'node:dns'
import { EventEmitter, once } from 'node:events'
import { isIPv4, isIPv6 } from 'node:net'
import type { TestContext } from 'node:test'
import { within } from './within.js'

/** The addresses of each name; an empty list: the name does not exist; 'silence': no answer. */
type Answers = Record<string, string[] | 'silence'>

export interface NameServer {
  /** Its address, for `dns.setServers`. */
  address: string
  /** The queries so far, each with its type: `a.invalid AAAA`. */
  questions: string[]
  /** Resolves on the first query. */
  asked: () => Promise<void>
}

const A = 1
const AAAA = 28

/** A real name server on UDP with the given answers; it ignores any other name. Stopped after the test. */
export async function startNameServer (t: TestContext, answers: Answers = {}, at = { host: '127.0.0.1', port: 0 }): Promise<NameServer> {
  const socket = createSocket('udp4')
  const questions: string[] = []
  const events = new EventEmitter()
  socket.on('message', (message, { port, address }) => {
    const { name, type } = readQuestion(message)
    questions.push(`${name} ${type === A ? 'A' : type === AAAA ? 'AAAA' : type}`)
    events.emit('asked')
    const known = answers[`${name} ${type === A ? 'A' : 'AAAA'}`] ?? answers[name] ?? 'silence'
    if (known !== 'silence') socket.send(answerTo(message, type, known), port, address)
  })
  socket.bind(at.port, at.host)
  await within('a name server', once(socket, 'listening'))
  t.after(() => { socket.close() })
  return {
    address: `${at.host}:${portOf(socket)}`,
    questions,
    async asked () { if (questions.length === 0) await within('a question', once(events, 'asked')) }
  }
}

const { Resolver } = dns.promises
const ofTest = new AsyncLocalStorage<NameServer[]>()
let latest: NameServer[] = []
let users = 0

/**
 * Makes every lookup of this process use these name servers until the test ends. Tests that run at the same time each use
 * their own, in what they start themselves.
 */
export function useNameServers (t: TestContext, ...servers: NameServer[]): void {
  ofTest.enterWith(servers)
  latest = servers
  users++
  dns.promises.Resolver = class extends Resolver {
    constructor (options?: dns.ResolverOptions) {
      super(options)
      this.setServers((ofTest.getStore() ?? latest).map(({ address }) => address))
    }
  }
  t.after(() => { if (--users === 0) dns.promises.Resolver = Resolver })
}

const portOf = (socket: Socket) => socket.address().port

/** The one question of a message: RFC 1035, section 4.1.2. */
function readQuestion (message: Buffer): { name: string, type: number, end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = message[at]!; length > 0; length = message[at]!) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length))
    at += length + 1
  }
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 }
}

function answerTo (question: Buffer, type: number, addresses: string[]): Buffer {
  const own = addresses.filter(type === A ? isIPv4 : isIPv6)
  const header = Buffer.from(question.subarray(0, 12))
  const NO_SUCH_NAME = 3
  header.writeUInt16BE(0x8180 | (addresses.length === 0 ? NO_SUCH_NAME : 0), 2)
  header.writeUInt16BE(own.length, 6)
  header.writeUInt32BE(0, 8)
  const records = own.map((address) => {
    const bytes = type === A ? Buffer.from(address.split('.').map(Number)) : bytesOf(address)
    // The name is a pointer to the question, at 12; class IN; TTL of one minute.
    return Buffer.concat([Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, bytes.length]), bytes])
  })
  return Buffer.concat([header, question.subarray(12, readQuestion(question).end), ...records])
}

/** The bytes of an IPv6 address that contains `::`. */
function bytesOf (address: string): Buffer {
  const [head, tail] = address.split('::').map((half) => half.split(':').filter(Boolean))
  const groups = [...head!, ...Array<string>(8 - head!.length - tail!.length).fill('0'), ...tail!]
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex')
}
