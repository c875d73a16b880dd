// The collectors that the platforms of bench/host.ts post to: one that is healthy, and one that never answers. They run
// in a separate thread, so that they do not delay the timed requests. Posts their URLs.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { parentPort } from 'node:worker_threads'

async function listen (answer) {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${server.address().port}/`
}

parentPort.postMessage({
  healthy: await listen((_request, response) => { response.end('{"status":"success"}') }),
  silent: await listen(() => { /* never answers */ })
})
