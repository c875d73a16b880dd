import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { DELIVERED, describeOne, NOW, STATES, type State } from '../../docs/states.js'
import { migrate } from '../../src/telemetry/store/migrations.js'
import { timestamp } from '../../src/telemetry/store/transaction.js'
import type { LoggedPing } from '../../src/telemetry/types.js'
import { runCommand } from '../cli/run-command.js'
import { ACCOUNT, Client, setUp } from '../helpers/client.js'
import { buildPlatform, type Platform, type PlatformOptions } from '../helpers/platform.js'
import { isSoak } from '../helpers/soak.js'

const PAGE = '/admin/settings/telemetry'

/** Everything that shows a state to people, as text. */
interface Shown {
  page: string
  /** The page for a user who is not an administrator. */
  user: string
  /** The first page, or the wizard's step while the setup is not finished. */
  first: string
  explanation: string
  log: string
  status: string
  commandLog: string
}

/** Where each sentence of docs/states.md appears. A state that differs only in the last ping logs nothing. */
const PLACES: Record<string, (keyof Shown)[]> = {
  'page, heading': ['page'],
  'page, why; log; `status`; API, `explanation`': ['page', 'status', 'explanation', 'log'],
  'page, beside the switch': ['page'],
  'page of other users': ['user'],
  'wizard, beside the switch': ['first'],
  '`status`, destination': ['status'],
  'page, last ping; `log`': ['page', 'commandLog'],
  'first page, under the heading': ['first'],
  'page, what becomes of a ping': ['page', 'user'],
  'page and wizard, caution': ['page']
}

/** Groups states that differ only in the last ping, to test them on one platform. */
const GROUPS = group()

function group (): Map<string, State[]> {
  const groups = new Map<string, State[]>()
  // The platform always has what a host may lack.
  const possible = STATES.filter(({ host }) => !host)
  for (const state of isSoak ? possible : withNewFacts(possible)) {
    const { section, environment, initialised, enabled, missing } = state
    const key = JSON.stringify([section, environment, initialised, enabled, missing])
    groups.set(key, [...groups.get(key) ?? [], state])
  }
  return groups
}

/** The states of which some fact is in none before; states.test.ts checks the sentences of all. */
function withNewFacts (states: State[]): State[] {
  const seen = new Set<string>()
  return states.filter((state) => {
    const before = seen.size
    const { initialised, section, last } = state
    const ping = last && [last.outcome, last.kind, last.status === null, last.attempts, last.nextAttemptAt, last.url, typeof last.errorCode, last.error]
    for (const fact of [['decision', initialised, describeOne(state).consent.decidedBy], ['receiver', section?.url], ['ping', ping]]) {
      seen.add(JSON.stringify(fact))
    }
    return seen.size > before
  })
}

describe('a platform shows the sentences of docs/states.md', () => {
  for (const states of GROUPS.values()) {
    test(states.map(({ name }) => name).join('; ').slice(0, 120), async (t) => {
      const { platform, administrator, user } = await build(t, states[0]!)
      for (const state of states) {
        await setLastPing(platform.app, state.last)
        const shown = await read(platform, administrator, user)
        for (const [where, sentence] of Object.entries(describeOne(state).sentences)) {
          if (where === 'first page, under the heading' && state.initialised === false) continue
          for (const place of PLACES[where]!) {
            if (place === 'log' && state.missing) continue
            const says = shown[place].includes(withoutPlaces(sentence))
            assert.ok(says, `${state.name}: ${place} does not say "${sentence}", but: ${shown[place]}`)
          }
        }
      }
    })
  }
})

async function build (t: TestContext, { section, environment = {}, initialised, enabled, missing }: State) {
  setEnvironment(t, environment)
  t.mock.timers.enable({ apis: ['Date'], now: NOW })
  const telemetry = section as PlatformOptions['telemetry']
  const platform = await buildPlatform(t, { telemetry, initialised: false })
  const { app } = platform
  const administrator = initialised === false ? await createAdministrator(app) : await setUp(app, enabled !== false)
  await app.settings.set('telemetry:enabled', enabled !== false)
  if (missing) await app.db.models.PlatformSetting.update({ value: '7' }, { where: { key: 'instanceId' } })
  await migrate(app.db.sequelize)
  return { platform, administrator, user: await signInAsUser(app) }
}

function setEnvironment (t: TestContext, variables: Record<string, string>): void {
  Object.assign(process.env, variables)
  t.after(() => { for (const name of Object.keys(variables)) delete process.env[name] })
}

async function createAdministrator (app: FastifyInstance): Promise<Client> {
  const client = new Client(app)
  await client.post('/setup/create-user', { ...ACCOUNT, _csrf: await client.csrfToken() })
  return client
}

async function signInAsUser (app: FastifyInstance): Promise<Client> {
  const { User } = app.db.models
  const { password } = await User.findOne({ rejectOnEmpty: true })
  await User.create({ name: 'Bob', username: 'bob', email: 'bob@example.com', password })
  const client = new Client(app)
  const _csrf = await client.csrfToken('/account/login')
  await client.postForm('/account/login', { username: 'bob', password: ACCOUNT.password, _csrf })
  return client
}

async function setLastPing ({ db: { sequelize } }: FastifyInstance, last: Partial<LoggedPing> | undefined): Promise<void> {
  await sequelize.query('DELETE FROM TelemetryPings')
  if (!last) return
  const ping: LoggedPing = { ...DELIVERED, ...last }
  const columns = Object.keys(ping) as (keyof LoggedPing)[]
  const names = columns.map((name) => `"${name}"`).join(', ')
  const places = columns.map((_, index) => `$${index + 1}`).join(', ')
  await sequelize.query(`INSERT INTO TelemetryPings (${names}) VALUES (${places})`,
    { bind: columns.map((name) => ping[name]).map((value) => value instanceof Date ? timestamp(value) : value) })
}

async function read ({ app, home, log }: Platform, administrator: Client, user: Client): Promise<Shown> {
  const textOf = async (client: Client, url: string) => toText((await client.get(url)).body)
  const isFinished = app.settings.get('setup:initialised')
  const { explanation } = (await administrator.request({ url: '/api/v1/telemetry' })).json() as { explanation: string }
  return {
    page: await textOf(administrator, PAGE),
    user: await textOf(user, PAGE),
    first: await textOf(administrator, isFinished ? '/' : '/setup?step=telemetry'),
    explanation: withoutPlaces(explanation),
    log: withoutPlaces(log.lines.map(({ msg }) => msg).join('\n')),
    status: withoutPlaces((await runCommand(home, 'telemetry status')).stdout),
    commandLog: withoutPlaces((await runCommand(home, 'telemetry log')).stdout)
  }
}

const ENTITIES: Record<string, string> = { '&#39;': '\'', '&quot;': '"', '&lt;': '<', '&gt;': '>', '&amp;': '&' }

const toText = (html: string) => withoutPlaces(
  html.replace(/<[^>]*>/g, '').replace(/&(#39|quot|lt|gt|amp);/g, (each) => ENTITIES[each]!))

/** Replaces the path and line of the file, which differ from the document. */
const withoutPlaces = (text: string) => text.replace(/\S*flowforge\.yml, line \d+/g, 'flowforge.yml, line N')
