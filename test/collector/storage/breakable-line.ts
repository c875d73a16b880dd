import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { freePort } from '../../helpers/postgres.js'

/** A TCP proxy between a collector and its PostgreSQL that can be cut and restored. It is closed after the test. */
export async function breakableLine (t: { after: (end: () => void) => void }, databaseUrl: string) {
  const { hostname, port: farPort } = new URL(databaseUrl)
  const port = await freePort()
  const sockets = new Set<Socket>()
  const listen = async () => {
    const server = createServer((near) => {
      const far = connect(Number(farPort), hostname)
      for (const [one, other] of [[near, far], [far, near]] as const) {
        sockets.add(one)
        one.on('error', () => {}).on('close', () => other.destroy()).pipe(other)
      }
    }).listen(port, '127.0.0.1')
    await once(server, 'listening')
    return server
  }
  let server = await listen()
  const cut = () => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  t.after(cut)
  return { url: databaseUrl.replace(`:${farPort}/`, `:${port}/`), cut, mend: async () => { server = await listen() } }
}
