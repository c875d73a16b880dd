import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { NameServer } from './name-server.js'
import { startPeer } from './peer.js'
import { within } from './within.js'

/** Sees all that leaves for one receiver: at its listener, at a proxy in front of it, and at the name server that knows it. */
export interface Witness {
  /** Where the receiver is found by its name. */
  url: string
  /** A proxy that lets those who ask wait for `openTunnels`. */
  proxy: string
  /** Resolves when somebody has asked the proxy for a tunnel. */
  asked: () => Promise<void>
  openTunnels: () => void
  /** Connections and bytes at the listener and the proxy, and questions at the name server, so far. */
  seen: () => { connections: number, bytes: number, questions: number }
}

/** @param host the name that the name server knows @param treat how the receiver treats a connection */
export async function startWitness (
  t: TestContext, host: string, server: NameServer, treat: (socket: Socket) => void = () => {}
): Promise<Witness> {
  const receiver = await startPeer(t, treat)
  const waiting: Socket[] = []
  let tell = () => {}
  const request = new Promise<void>((resolve) => { tell = resolve })
  // What comes through a tunnel is seen at the proxy: nobody is behind it.
  const proxy = await startPeer(t, (socket) => {
    socket.once('data', () => {
      waiting.push(socket)
      tell()
    })
  })
  return {
    url: `http://${host}:${receiver.port}/`,
    proxy: proxy.url,
    async asked () { await within('a request for a tunnel', request) },
    openTunnels () {
      for (const socket of waiting) socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    },
    seen: () => ({
      connections: receiver.connections() + proxy.connections(),
      bytes: receiver.bytes() + proxy.bytes(),
      questions: server.questions.filter((question) => question.startsWith(`${host} `)).length
    })
  }
}
