/** Checks the files of deploy/, with the tools that read them where those are installed. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { BlockList, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { loadConfig } from '../../src/app.js'
import { readSettings } from '../../src/collector/settings.js'
import { BUILD_SOURCES } from '../embedding/pack.js'
import { temporaryDirectory } from '../helpers/platform.js'
import { freePort } from '../helpers/postgres.js'
import { without } from '../helpers/tools.js'
import { within } from '../helpers/within.js'
import { PING, post, startCollector } from '../collector/start-collector.js'
import { readCompose } from './compose.js'
import { readContainerfile } from './containerfile.js'
import { readUnit } from './unit-file.js'

const run = promisify(execFile)
const UNITS = ['flowforge.service', 'flowforge-collector.service']

const withoutAnalyze = without('systemd-analyze')
const withoutCaddy = without('caddy')

for (const unit of UNITS) {
  describe(unit, () => {
    test('is valid, and has a low exposure level', { skip: withoutAnalyze }, async (t) => {
      const file = join(temporaryDirectory(t), unit)
      writeFileSync(file, readFileSync(`deploy/${unit}`, 'utf8').replaceAll('/usr/bin/node', process.execPath))
      const { stderr } = await run('systemd-analyze', ['verify', file])
      assert.equal(stderr, '')
      // The scale ends at 100; a service without any protection has 96.
      await run('systemd-analyze', ['security', '--offline=true', '--threshold=20', file])
    })

    test('allows more time to stop than the 5 seconds that the process needs', () => {
      const { Service } = readUnit(unit)
      assert.ok(Number(Service!.TimeoutStopSec) > 5)
      assert.equal(Service!.MemoryDenyWriteExecute, undefined)
    })
  })
}

test('the container file copies the files that a build reads', () => {
  const { instructions } = readContainerfile().find(({ name }) => name === 'build')!
  const copied = instructions.filter(({ name }) => name === 'COPY').flatMap(({ text }) => text.split(' ').slice(0, -1))
  assert.deepEqual(BUILD_SOURCES.filter((file) => !copied.includes(file)), [])
})

for (const name of ['platform', 'collector'] as const) {
  describe(`${name}.compose.yml`, () => {
    const { compose, configuration } = readCompose(name)
    const service = compose.services[name]!
    const [{ subnet, ip_range: range }] = compose.networks.front!.ipam!.config as [{ subnet: string, ip_range: string }]
    const { front } = compose.services.proxy!.networks as Record<string, { ipv4_address: string }>

    test('builds an existing stage of the container file', () => {
      assert.equal(service.build!.dockerfile, 'deploy/Containerfile')
      assert.ok(readContainerfile().some((stage) => stage.name === service.build!.target))
    })

    test('trusts only the address of the proxy', (t) => {
      const file = join(temporaryDirectory(t), 'flowforge.yml')
      writeFileSync(file, configuration)
      const trusted = name === 'platform'
        ? loadConfig(file, {}).trust_proxy.join()
        : readSettings({ ...service.environment, COLLECTOR_DATABASE_URL: undefined, COLLECTOR_IP_HASH_KEY: 'k'.repeat(32) }).trustProxy
      assert.equal(trusted, front!.ipv4_address)
    })

    test('gives the address of the proxy to no other service', () => {
      const networks = { whole: new BlockList(), dynamic: new BlockList() }
      networks.whole.addSubnet(...cidr(subnet))
      networks.dynamic.addSubnet(...cidr(range))
      assert.ok(networks.whole.check(front!.ipv4_address))
      assert.ok(networks.whole.check(range.split('/')[0]!))
      assert.ok(!networks.dynamic.check(front!.ipv4_address))
    })

    test('publishes only the ports of the proxy, and isolates the database from other networks', () => {
      assert.deepEqual(Object.entries(compose.services).filter(([, { ports }]) => ports).map(([each]) => each), ['proxy'])
      assert.deepEqual(compose.services.database!.networks, ['back'])
      assert.equal(compose.networks.back!.internal, true)
    })

    test('runs read-only, without capabilities and with no-new-privileges', () => {
      assert.equal(service.read_only, true)
      assert.deepEqual(service.cap_drop, ['ALL'])
      assert.deepEqual(service.security_opt, ['no-new-privileges:true'])
    })
  })
}

function cidr (network: string): [net: string, prefix: number] {
  const [address, length] = network.split('/')
  return [address!, Number(length)]
}

describe('the Caddyfile', { skip: withoutCaddy }, () => {
  test('replaces the addresses that a client claims', async (t) => {
    const { url } = await startCollector(t, `sqlite:${join(temporaryDirectory(t), 'collector.db')}`, { trustProxy: '127.0.0.1', rateLimit: 2 })
    const proxy = await startProxy(t, url)
    const statuses: number[] = []
    for (const claimed of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) {
      const { status } = await post(proxy.url, PING, { 'x-forwarded-for': claimed })
      statuses.push(status)
    }
    assert.deepEqual(statuses, [200, 200, 429])
  })

  test('forwards a body that is slightly too large, and stops a larger one', async (t) => {
    let longest = 0
    const server = createServer((request, response) => {
      let length = 0
      request.on('data', (data: Buffer) => { longest = Math.max(longest, length += data.length) })
      request.on('end', () => { response.end() })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => { server.close() })
    const { url } = await startProxy(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    const send = async (bytes: number) => (await fetch(url, { method: 'POST', body: Buffer.alloc(bytes) })).status
    assert.equal(await send(100_000), 200)
    assert.ok(await send(1_000_000) >= 400)
    assert.ok(longest <= 128 * 1024, `${longest} bytes arrived`)
  })

  test('logs no address and no headers of a failing request', async (t) => {
    const proxy = await startProxy(t, `http://127.0.0.1:${await freePort()}`)
    const { status } = await fetch(proxy.url, { headers: { 'x-forwarded-for': '192.0.2.1', cookie: 'sid=secret' } })
    assert.equal(status, 502)
    await proxy.find(/"status":502/)
    assert.doesNotMatch(proxy.log(), /192\.0\.2\.1|secret|remote_ip|cookie/i)
  })
})

/** Starts Caddy with the file of deploy/, without TLS, as no certificate is available for the name. */
async function startProxy (t: TestContext, upstream: string) {
  const home = temporaryDirectory(t)
  cpSync('deploy/Caddyfile', join(home, 'Caddyfile'))
  const url = `http://127.0.0.1:${await freePort()}`
  const child = spawn('caddy', ['run', '--config', join(home, 'Caddyfile'), '--adapter', 'caddyfile'], {
    env: { PATH: process.env.PATH, HOME: home, DOMAIN: url, UPSTREAM: upstream.replace('http://', '') },
    stdio: ['ignore', 'ignore', 'pipe']
  })
  t.after(() => { child.kill('SIGKILL') })
  const lines: string[] = []
  const reader = createInterface(child.stderr)
  reader.on('line', (line) => { lines.push(line) })
  const find = async (pattern: RegExp) => {
    while (!lines.some((line) => pattern.test(line))) await within(`a line ${pattern}`, once(reader, 'line'))
  }
  await find(/serving initial configuration/)
  return { url, find, log: () => lines.join('\n') }
}
