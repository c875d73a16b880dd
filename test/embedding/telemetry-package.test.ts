import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { onlyInSoak, someOf } from '../helpers/soak.js'
import { createProject, DEPENDENCIES, packTelemetry } from './start-real-host.js'

const run = promisify(execFile)

/** Limits of what the package adds to a project with fastify and sequelize. */
const MOST_PACKAGES = 6
const MOST_MEGABYTES = 12

interface Manifest {
  name: string
  version: string
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
  scripts?: Record<string, string>
}

const manifestOf = (folder: string) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest

describe('the package @flowforge/telemetry', () => {
  let telemetry: string
  before(async () => { telemetry = await packTelemetry() })

  test('contains only the compiled src/telemetry and its types', () => {
    const files = (folder: string) => readdirSync(folder, { recursive: true, encoding: 'utf8' })
    const expected = files('src/telemetry').filter((file) => file.endsWith('.ts')).flatMap((file) => (
      [file.replace(/\.ts$/, '.js'), file.replace(/\.ts$/, '.d.ts')]))
    const packed = files(join(telemetry, 'dist')).filter((file) => /\.\w+$/.test(file))
    assert.deepEqual(packed.toSorted(), expected.toSorted())
    for (const file of ['LICENSE', 'README.md']) assert.ok(existsSync(join(telemetry, file)), file)
  })

  test('has the release of the platform, and fastify and sequelize as its peers', () => {
    const { version, dependencies, peerDependencies, scripts } = manifestOf(telemetry)
    assert.equal(version, manifestOf('.').version)
    assert.deepEqual(peerDependencies, { fastify: '5', sequelize: '6' })
    assert.deepEqual(Object.keys(dependencies!), [...DEPENDENCIES])
    assert.equal(scripts, undefined)
  })

  test(`adds at most ${MOST_PACKAGES} packages and ${MOST_MEGABYTES} MB, without native code or scripts`, () => {
    const installed = [...DEPENDENCIES].map((name) => resolve('node_modules', name))
    const manifests = installed.map(manifestOf)
    assert.deepEqual(manifests.flatMap(({ dependencies = {} }) => Object.keys(dependencies)), [])
    for (const { name, scripts = {} } of manifests) {
      assert.deepEqual(Object.keys(scripts).filter((script) => /^(pre|post)?install$/.test(script)), [], name)
    }
    for (const folder of installed) assert.ok(!existsSync(join(folder, 'binding.gyp')), folder)
    assert.ok(installed.length + 1 <= MOST_PACKAGES)
    const bytes = [telemetry, ...installed].flatMap((folder) => (
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => statSync(join(folder, file)).size)))
    assert.ok(bytes.reduce((sum, size) => sum + size, 0) < MOST_MEGABYTES * 1e6)
  })

  for (const [title, config, env] of someOf([
    ['where flowforge.yml turns it off', { telemetry: { enabled: false } }, {}],
    ['where flowforge.yml is mistyped', { telemetry: { enabeld: true } }, {}],
    ['where the environment turns it off', {}, { DO_NOT_TRACK: '1' }],
    ['where it is on and nothing was sent', {}, {}]
  ] as const, 0, 3)) {
    test(`loads neither typebox nor undici nor yaml ${title}`, async (t) => {
      const project = createProject(t, telemetry, 'sequelize-6.37.5')
      writeFileSync(join(project, 'quiet.mjs'), `
        import telemetry from '@flowforge/telemetry'
        import { fastify } from 'fastify'
        const app = fastify()
        app.decorate('config', { version: '1.0.0', driver: { type: 'stub' }, ...${JSON.stringify(config)} })
        app.decorate('settings', { get: (key) => key === 'instanceId' ? '5db51f99-c6fb-4340-9c19-78adce58cc1b' : true })
        const model = { count: async () => 0 }
        app.decorate('db', { sequelize: { query () {}, getDialect: () => 'sqlite' }, models: { User: model, Team: model, Project: model } })
        await app.register(telemetry)
        await app.ready()
        await app.telemetry.consent()
        await app.close()
      `)
      const { stderr } = await run(process.execPath, ['quiet.mjs'], {
        cwd: project, env: { ...process.env, ...env, NODE_DEBUG: 'esm' }
      })
      const loaded = ['typebox', 'undici', 'yaml'].filter((name) => stderr.includes(`node_modules/${name}/`))
      assert.deepEqual(loaded, [])
      assert.match(stderr, /flowforge\/telemetry/)
    })
  }

  test('has types for a strict TypeScript host, from both kinds of module', onlyInSoak, async (t) => {
    const project = createProject(t, telemetry, 'sequelize')
    writeFileSync(join(project, 'typed.mts'), `
      import { fastify } from 'fastify'
      import telemetry, { type Consent, type LoggedPing, type TelemetryHost } from '@flowforge/telemetry'
      declare const host: TelemetryHost
      const app = fastify()
      await app.register(telemetry)
      await app.register(telemetry, { config: host.config, settings: host.settings, db: host.db })
      const consent: Consent = await app.telemetry.consent()
      const pings: LoggedPing[] = await app.telemetry.pings()
      const sentAt: Date | undefined = pings[0]?.sentAt
      // @ts-expect-error: nobody else decides
      consent.decidedBy = 'nobody'
      console.log(consent, sentAt)
    `)
    writeFileSync(join(project, 'typed.cts'), `
      import fastify = require('fastify')
      import telemetry = require('@flowforge/telemetry')
      fastify.fastify().register(telemetry)
    `)
    await run(process.execPath, [resolve('node_modules/typescript/bin/tsc'), '--noEmit', '--strict', '--module', 'nodenext',
      '--target', 'es2023', '--lib', 'es2023', '--types', 'node', '--typeRoots', resolve('node_modules/@types'), '--skipLibCheck', 'typed.mts', 'typed.cts'],
    { cwd: project }).catch((error) => assert.fail(error.stdout))
  })
})
