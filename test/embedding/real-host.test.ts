import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import { startListener } from '../helpers/listener.js'
import { temporaryDirectory, WARN } from '../helpers/platform.js'
import { startPostgres, type Postgres } from '../helpers/postgres.js'
import { giveToUnknownUser, UNKNOWN_USER } from '../helpers/unknown-user.js'
import { inSoak, someOf } from '../helpers/soak.js'
import { createProject, packTelemetry, SEQUELIZES, startHostProcess, type HostProcess, type RealHost } from './start-real-host.js'

const INSTANCE = '5db51f99-c6fb-4340-9c19-78adce58cc1b'

/** Timers of half a minute or more run 60 times as fast, shorter ones in real time; the daily ping is due in 12 hours. */
const FAST = { CLOCK_SPEED: '60', DAILY_IN: '43200' }

/** The only copy of Sequelize that is tested until the log is full: removing the oldest pings is plain SQL. */
const [OLDEST] = SEQUELIZES

/** The copy of Sequelize in the hosts of two tests: in `npm test` that of the others, whose process they share. */
const OTHER = inSoak('sequelize-6.30.0', 'sequelize-6.37.5')

describe('@flowforge/telemetry', { concurrency: 2 }, () => {
  let telemetry: string
  let postgres: Postgres
  before(async () => {
    [telemetry, postgres] = await Promise.all([packTelemetry(), startPostgres()])
  })
  after(() => postgres.stop())

  const databases: Record<string, (t: TestContext) => Promise<object>> = {
    'a SQLite file': async (t) => ({ dialect: 'sqlite', storage: join(temporaryDirectory(t), 'host.db') }),
    'SQLite in memory': async () => ({ dialect: 'sqlite', storage: ':memory:' }),
    PostgreSQL: async () => {
      const { host, port, user, password, database } = await postgres.createDatabase()
      return { dialect: 'postgres', host, port, username: user, password, database }
    }
  }

  /** Finishes the setup of a host, and gives it three users, one team and one project. */
  async function prepare (host: RealHost): Promise<RealHost> {
    await host.ask('prepare')
    await host.ask('set', 'instanceId', INSTANCE)
    await host.ask('set', 'setup:initialised', true)
    return host
  }

  /** The processes that hosts share which need none of their own, one for each copy of Sequelize. */
  const shared: Record<string, HostProcess> = {}
  const ends: (() => void)[] = []
  after(async () => {
    const codes = await Promise.all(Object.values(shared).map(({ end }) => end()))
    for (const end of ends) end()
    // None of the hosts has left anything that keeps its process alive.
    assert.deepEqual(codes, codes.map(() => 0))
  })

  /** Opens a host in the process that others use, too. Closed after the test. */
  function openShared (t: TestContext, sequelize: string, host: object): RealHost {
    const owner = { after: (end: () => void) => { ends.push(end) } }
    shared[sequelize] ??= startHostProcess(owner, createProject(owner, telemetry, sequelize))
    const opened = shared[sequelize].open(host)
    t.after(() => opened.ask('close'))
    return opened
  }

  test('works in a host whose user has no name and no HOME', async (t) => {
    const listener = await startListener(t)
    const project = createProject(t, telemetry, OLDEST)
    const database = { dialect: 'sqlite', storage: join(project, 'host.db') }
    giveToUnknownUser(project)
    const { open, end } = startHostProcess(t, project, {}, { ...UNKNOWN_USER, env: {} })
    const host = open({ database, config: { telemetry: { url: listener.url } } })
    for (const [key, value] of Object.entries({ instanceId: INSTANCE, 'setup:initialised': true })) await host.ask('set', key, value)
    assert.equal(await host.ask('start'), 'served')
    assert.equal((await host.ask('send')).outcome, 'delivered')
    await host.ask('close')
    assert.equal(await end(), 0)
  })

  for (const [place, sequelize] of someOf([...SEQUELIZES.entries()], 0, 2)) {
    for (const [name, create] of someOf(Object.entries(databases), place)) {
      test(`works in a host like the real platform, with ${sequelize} on ${name}`, async (t) => {
        let answering = true
        const listener = await startListener(t, (response) => {
          if (answering) response.setHeader('content-type', 'application/json').end('{"status":"success"}')
        })
        const database = await create(t)
        const config = { telemetry: { url: listener.url, frontend: { plausible: {} }, google: { tag: 'x' } } }
        const { open, end } = startHostProcess(t, createProject(t, telemetry, sequelize), FAST)
        const host = await prepare(open({ database, config }))
        const before = await host.ask('tables')
        assert.equal(await host.ask('start'), 'served')
        assert.match((await host.log(/^Telemetry is/)).msg, /^Telemetry is on/)
        assert.deepEqual(await host.ask('tables'), before)

        const { instanceId, env, platform } = JSON.parse((await listener.next()).body)
        assert.equal(instanceId, INSTANCE)
        assert.equal(env.flowforge, '2.33.0')
        assert.deepEqual(platform, { counts: { users: 3, teams: 1, projects: 1 }, config: { driver: 'k8s' } })
        await host.log(/^Telemetry was sent/)

        const sent = sequelize === OLDEST ? inSoak(102, 4) : 2
        const copied = sequelize === OLDEST ? inSoak(0, 98) : 0
        if (copied > 0) await host.ask('copyPing', copied)
        await host.ask('sendMany', sent)
        const pings = await host.ask('pings')
        const last = 1 + copied + sent
        assert.deepEqual(pings.map(({ id }: { id: number }) => id), Array.from({ length: Math.min(100, last) }, (_, index) => last - index))
        assert.ok(pings.every(({ outcome }: Record<string, string>) => outcome === 'delivered'))

        assert.deepEqual(await host.ask('migrateAgain'), ['User', 'Team', 'Project', 'PlatformSetting'])
        assert.equal((await host.ask('pings')).length, pings.length)

        await host.ask('set', 'instanceId', INSTANCE)
        await host.ask('set', 'setup:initialised', true)
        answering = false
        const sending = host.ask('send')
        while (listener.requests.length < sent + 2) await listener.next()
        await host.ask('set', 'telemetry:enabled', false)
        // No answer comes: without the abort the attempt would fail after ten seconds.
        const { outcome, error } = await sending
        assert.deepEqual([outcome, error], ['cancelled', 'Telemetry is off: the platform\'s settings say so; ' +
          'an administrator can change that in Admin Settings.'])
        await assert.rejects(host.ask('send'), { code: 'telemetry_off' })

        await host.ask('close')
        assert.equal(await end(), 0)
        assert.equal(host.lines.filter(({ level }) => level >= WARN).length, 0)
      })
    }
  }

  test('does not break the restart of a host that treats a database with exactly one table as new', async (t) => {
    const listener = await startListener(t)
    const database = await databases['a SQLite file']!(t)
    const config = { telemetry: { url: listener.url } }
    const first = await prepare(openShared(t, OTHER, { database, config }))
    await first.ask('start')
    assert.equal((await first.ask('send')).outcome, 'delivered')
    await first.ask('close')
    const second = openShared(t, OTHER, { database, config })
    assert.equal(await second.ask('start'), 'served')
    assert.equal((await second.ask('send')).outcome, 'delivered')
  })

  const refusals: [title: string, settings: Record<string, unknown>, config: object, expected: RegExp, level: number][] = [
    ['"false" as text', { 'telemetry:enabled': 'false' }, {}, /the platform's settings say so/, 30],
    ['a setup that is not finished', { 'setup:initialised': false }, {}, /the setup is not finished/, 30],
    ['an instanceId that is not a random UUID', { instanceId: 'me@example.com' }, {}, /lacks the setting instanceId/, WARN],
    ['no version', {}, { version: null }, /lacks app\.config\.version/, WARN]
  ]
  for (const [title, settings, config, expected, level] of someOf(refusals, 0, 2)) {
    test(`sends nothing in a host with ${title}, and logs the reason once`, async (t) => {
      const listener = await startListener(t)
      const database = await databases['a SQLite file']!(t)
      const host = await prepare(openShared(t, 'sequelize-6.37.5', { database, config: { telemetry: { url: listener.url }, ...config } }))
      for (const [key, value] of Object.entries(settings)) await host.ask('set', key, value)
      await host.ask('start')
      const line = await host.log(/^Telemetry is off/)
      assert.match(line.msg, expected)
      assert.equal(line.level, level)
      await assert.rejects(host.ask('send'), { code: 'telemetry_off' })
      assert.equal(listener.connections(), 0)
      assert.equal(host.lines.filter(({ msg }) => /^Telemetry/.test(msg)).length, 1)
    })
  }

  for (const dialect of someOf(['mariadb', 'mssql'], 0)) {
    test(`is off in a host on ${dialect}, with one warning, and the host runs and stops`, async (t) => {
      const listener = await startListener(t)
      const database = await databases['a SQLite file']!(t)
      const host = await prepare(openShared(t, 'sequelize-6.37.5', { database, dialect, config: { telemetry: { url: listener.url } } }))
      assert.equal(await host.ask('start'), 'served')
      const { level, msg } = await host.log(/^Telemetry is off/)
      assert.equal(level, WARN)
      assert.match(msg, new RegExp(`SQLite or PostgreSQL, not ${dialect}`))
      await assert.rejects(host.ask('preview'), { code: 'telemetry_off' })
      assert.deepEqual(await host.ask('pings'), [])
      await host.ask('close')
      assert.equal(host.lines.filter((line) => line.level >= WARN).length, 1)
      assert.equal(listener.connections(), 0)
    })
  }

  test('accepts its host as options', async (t) => {
    const listener = await startListener(t)
    const database = await databases['a SQLite file']!(t)
    const host = await prepare(openShared(t, OTHER, { database, config: { telemetry: { url: listener.url } }, asOptions: true }))
    await host.ask('start')
    assert.equal((await host.ask('send')).outcome, 'delivered')
  })

  const files: [title: string, text: string, expected: RegExp | undefined][] = [
    ['telemetry: false', 'port: 1\ntelemetry: false\n', /flowforge\.yml, line 2, sets telemetry to false/],
    ['enabled: false', 'telemetry:\n  enabled: false\n', /flowforge\.yml, line 2, sets telemetry\.enabled to false/],
    ['a section one indent too deep', 'logging:\n  telemetry:\n    enabled: false\n', /flowforge\.yml, line 2, has the key "telemetry"/],
    ['an empty file', '', /flowforge\.yml is empty/],
    ['a yes', 'telemetry:\n  enabled: true\n', undefined],
    ['other words', 'port: 3000\ndomain: example.com\n', undefined]
  ]
  for (const [title, text, expected] of someOf(files, 2, 4)) {
    test(`reads the file itself in a host that parses any section as consent: ${title}`, async (t) => {
      const listener = await startListener(t)
      const configFile = join(temporaryDirectory(t), 'flowforge.yml')
      writeFileSync(configFile, text)
      const database = await databases['a SQLite file']!(t)
      const telemetry = { enabled: true, url: listener.url }
      const host = await prepare(openShared(t, 'sequelize-6.37.5', { database, config: { telemetry, configFile } }))
      await host.ask('start')
      const { msg } = await host.log(/^Telemetry is o/)
      assert.match(msg, expected ?? /^Telemetry is on/)
      if (expected) await assert.rejects(host.ask('send'), { code: 'telemetry_off' })
      else assert.equal((await host.ask('send')).outcome, 'delivered')
      assert.equal(listener.connections(), expected ? 0 : 1)
    })
  }
})
