import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Decision } from '../db/telemetry-decision.js'
import { describeDecision, describeReceiver, describeState } from '../telemetry/describe-state.js'
import type { Consent, LoggedPing } from '../telemetry/index.js'
import { describeMoment } from '../views/dates.js'
import { describePing } from '../views/ping.js'
import { describeLine, describeLines } from './describe-logged.js'
import { describeRights } from './describe-rights.js'
import type { Flash } from './flash.js'
import { walkLog } from './walk-log.js'
import { UNWRITTEN } from '../settings/decisions.js'
import { loadSection } from '../views/section.js'

/** The number of pings that the page shows by default. */
const NEWEST = 10

const WAYS: Record<Decision['way'], string> = {
  wizard: 'in the setup wizard', page: 'on this page', API: 'through the API', 'command line': 'at the command line'
}

/** Collects the content of the Telemetry page. Each section can fail alone; the switch depends only on the settings. */
export async function collectPage (
  request: FastifyRequest, showAll: boolean, { flash, held }: { flash?: Flash, held?: object }
) {
  const { server: app, log } = request
  const section = <T>(name: string, load: () => T | Promise<T>) => loadSection(log, name, load)
  const { telemetry } = app
  const [enabled, operator, consent, decided, newProperties, next, preview, pings, sent] = await Promise.all([
    section('the setting', () => app.settings.refresh('telemetry:enabled')),
    section('the operator\'s decision', () => telemetry.operatorConsent()),
    section('consent', () => telemetry.consent()),
    section('the record of decisions', () => readDecision(app)),
    section('new properties', () => telemetry.newProperties()),
    section('the schedule', () => readSchedule(app)),
    section('the next ping', async () => describePing(await telemetry.preview())),
    section('the log', () => showAll ? readAll(app) : telemetry.pings(NEWEST + 1)),
    section('the ping just sent', () => readSent(app, flash))
  ])
  const last = pings.content?.[0]
  const receiver = describeReceiver(telemetry.url)
  const setting = enabled.problem ? app.settings.get('telemetry:enabled') : enabled.content
  return {
    decision: describeSwitch(app, setting, operator.content, consent.content),
    consent,
    state: await section('the state', () => consent.content && describeState(consent.content, last)),
    last: pings.problem ? pings : await section('the last ping', () => last && describeLine(last)),
    decided,
    unwritten: app.decisions.unwritten && UNWRITTEN[app.decisions.unwritten],
    newProperties: newProperties.content ?? [],
    next,
    preview,
    log: pings.problem ? pings : { content: describeLog(pings.content ?? [], showAll) },
    sent,
    flash,
    rights: describeRights(flash, held, receiver.host),
    receiver,
    url: telemetry.url,
    intention: randomUUID()
  }
}

function describeSwitch (
  app: FastifyInstance, value: unknown, operator: Consent | undefined, consent: Consent | undefined
) {
  const enabled = value === true
  return {
    enabled,
    isLocked: operator !== undefined,
    explanation: operator?.explanation,
    isOn: enabled && !operator,
    sentence: describeDecision({ enabled, operator, consent, url: app.telemetry.url })
  }
}

async function readDecision ({ decisions }: FastifyInstance) {
  const last = await decisions.last()
  return last && { ...last, way: WAYS[last.way] ?? last.way, moment: describeMoment(last.decidedAt) }
}

async function readSchedule ({ telemetry }: FastifyInstance) {
  const [boot, daily] = [telemetry.nextBoot(), telemetry.nextDaily()]
  return { boot: boot && describeMoment(boot), daily: daily && describeMoment(daily) }
}

const readAll = (app: FastifyInstance) => Readable.from(walkLog(app)).toArray() as Promise<LoggedPing[]>

function describeLog (pings: LoggedPing[], showAll: boolean) {
  return { lines: describeLines(showAll ? pings : pings.slice(0, NEWEST)), hasMore: !showAll && pings.length > NEWEST }
}

async function readSent ({ telemetry }: FastifyInstance, flash: Flash | undefined) {
  const id = /^sent-(\d+)$/.exec(flash ?? '')?.[1]
  const ping = id && await telemetry.ping(Number(id))
  return ping ? describeLine(ping) : undefined
}
