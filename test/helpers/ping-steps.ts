import type { ServerResponse } from 'node:http'
import { PassThrough } from 'node:stream'
import type { TestContext } from 'node:test'
import { holdTable } from './hold-table.js'
import type { Listener } from './listener.js'
import { startPeer } from './peer.js'
import type { PostgresAddress } from './postgres.js'
import type { PlatformProcess } from './process.js'
import { within } from './within.js'

/** The servers and the database that a ping of another process uses. */
export interface Scene {
  address: PostgresAddress
  /** A collector, which may answer successfully only from some request on. */
  listener: Listener
  /** A server that accepts connections and never answers. */
  silent: Silent
}

interface Silent {
  url: string
  /** Resolves on the next data not returned before. */
  greeted: () => Promise<void>
}

/** A step of a delivery at which a ping can be held. */
export interface Step {
  title: string
  /** Resolves, once a ping has reached the step, to a function that releases it. */
  hold: (scene: Scene, process: PlatformProcess) => Promise<() => Promise<void>>
  /** Whether the ping is in the log by then. */
  isRecorded: boolean
  /** The URL that the ping is posted to. */
  urlIn: (scene: Scene) => string
  /** How the request is answered; by default, successfully. */
  answer?: (response: ServerResponse) => void
}

const toListener = ({ listener }: Scene) => listener.url
const letGo = async () => { /* nothing is held but by its silence */ }

const atTable = (title: string, table: string): Step => ({
  title,
  async hold ({ address }) {
    const { reached, release } = await holdTable(address, table)
    await reached()
    return release
  },
  isRecorded: false,
  urlIn: toListener
})

export const steps: Step[] = [
  atTable('while it counts', 'Users'),
  atTable('at the claim', 'TelemetryClaims'),
  atTable('before the record', 'TelemetryPings'),
  {
    title: 'during the TLS handshake',
    async hold ({ silent }) {
      await silent.greeted()
      return letGo
    },
    isRecorded: true,
    urlIn: ({ silent }) => silent.url.replace('http:', 'https:')
  },
  {
    title: 'while it waits for the answer',
    async hold ({ listener }) {
      await listener.next()
      return letGo
    },
    isRecorded: true,
    urlIn: toListener,
    answer: () => { /* never */ }
  },
  {
    title: 'while it waits for the next attempt',
    async hold (_scene, { log }) {
      await log.find(/could not be sent/)
      return letGo
    },
    isRecorded: true,
    urlIn: toListener,
    answer: (response) => { response.writeHead(503, { 'retry-after': '3600' }).end() }
  }
]

export async function startSilent (t: TestContext): Promise<Silent> {
  const greetings = new PassThrough({ objectMode: true })
  const { url } = await startPeer(t, (socket) => { socket.once('data', () => { greetings.write(socket.remotePort) }) })
  const heard = greetings[Symbol.asyncIterator]()
  return {
    url,
    async greeted () { await within('a greeting', heard.next()) }
  }
}
