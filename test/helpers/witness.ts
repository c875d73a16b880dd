import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { NameServer } from './name-server.js'
import { startPeer } from './peer.js'
import { within } from './within.js'

/** Observes everything sent to one receiver: at its listener, at a proxy in front of it, and at its name server. */
export interface Witness {
  /** The URL of the receiver, with its name. */
  url: string
  /** A proxy that holds requests for tunnels until `openTunnels`. */
  proxy: string
  /** Resolves when the proxy has a request for a tunnel. */
  asked: () => Promise<void>
  openTunnels: () => void
  /** Connections and bytes at the listener and the proxy, and queries at the name server, so far. */
  seen: () => { connections: number, bytes: number, questions: number }
}

/** @param host the name that the name server resolves @param treat how the receiver handles a connection */
export async function startWitness (
  t: TestContext, host: string, server: NameServer, treat: (socket: Socket) => void = () => {}
): Promise<Witness> {
  const receiver = await startPeer(t, treat)
  const waiting: Socket[] = []
  let tell = () => {}
  const request = new Promise<void>((resolve) => { tell = resolve })
  // Bytes through a tunnel are counted at the proxy, which does not forward them.
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
