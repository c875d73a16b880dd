/** Compiled but not run: the types that an embedding platform uses. */
import { fastify, type FastifyInstance } from 'fastify'
import { buildApp, loadConfig } from 'flowforge'
import telemetry, { type Consent, type LoggedPing, type TelemetryHost } from 'flowforge/telemetry'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'

const app = fastify({ logger: true })
await app.register(telemetry)
await app.register(import('flowforge/telemetry'))
await fastify().withTypeProvider<TypeBoxTypeProvider>().register(telemetry)

const { config, settings, db, log }: TelemetryHost = app as unknown as TelemetryHost

const consent: Consent = await app.telemetry.consent()
const pings: LoggedPing[] = await app.telemetry.pings()
const due: Date | null = app.telemetry.nextDaily()
// @ts-expect-error: there is no way to turn telemetry on from here
app.telemetry.enable()
// @ts-expect-error: no other party can decide
consent.decidedBy = 'nobody'

const platform: FastifyInstance = await buildApp(loadConfig('flowforge.yml'))
console.log(config, settings, db, log, pings[0]?.outcome, due?.getTime(), platform.telemetry.url)
