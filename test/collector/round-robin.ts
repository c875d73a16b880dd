import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { post, startCollector, type Collector } from './start-collector.js'

/** Two collectors on one database, behind a proxy that sends requests to them alternately. */
export async function startPair (t: TestContext, databaseUrl: string): Promise<Collector> {
  const pair = await Promise.all([1, 2].map(() => startCollector(t, databaseUrl, { trustProxy: 'loopback' })))
  let turn = 0
  const proxy = createServer((incoming, outgoing) => {
    const { url } = pair[turn++ % pair.length]!
    const headers = { ...incoming.headers, 'x-forwarded-for': incoming.socket.remoteAddress }
    const forwarded = request(url + incoming.url, { method: incoming.method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(outgoing)
    })
    incoming.pipe(forwarded)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.after(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  return { ...pair[0]!, url, post: (body, headers) => post(url, body, headers) }
}
