import type { FastifyInstance } from 'fastify'
import type { AddressInfo } from 'node:net'
import type { Consent } from '../telemetry/index.js'

const LEVELS: Record<number, string> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'warning', 50: 'error', 60: 'fatal' }

/**
 * Creates a log for a terminal, with one plain line per entry. Leaves out `info` at the default level, because the
 * greeting already says the same.
 */
export function terminalLogger (level: string) {
  return {
    level: level === 'info' ? 'warn' : level,
    stream: {
      write (line: string) {
        const { level, msg, err } = JSON.parse(line) as { level: number, msg: string, err?: { message: string } }
        process.stdout.write(`${LEVELS[level]}: ${[msg, err?.message].filter(Boolean).join(' ')}\n`)
      }
    }
  }
}

/** Greets at a terminal: with the address, the state of telemetry, and where to change it. */
export async function greet (app: FastifyInstance): Promise<string> {
  const address = addressOf(app)
  const consent = await app.telemetry.consent()
  return `\nFlowForge ${app.config.version} is ready at ${address}\n\n` +
    `${consent.explanation}\n${describeNext(consent, address)}\n\nCtrl+C stops it.\n`
}

function describeNext ({ decidedBy }: Consent, address: string): string {
  if (decidedBy === 'setup') return `Finish the setup at ${address}/setup: it asks before anything is sent.`
  if (decidedBy === 'administrator') {
    return `See what is sent, and turn it on or off, at ${address}/admin/settings/telemetry, ` +
      'or turn it off in flowforge.yml.'
  }
  return 'Only the operator can change this, in the place named above. ' +
    `What would be sent is at ${address}/admin/settings/telemetry.`
}

function addressOf ({ config: { base_url: baseUrl, host }, server }: FastifyInstance): string {
  if (baseUrl) return baseUrl.replace(/\/$/, '')
  const { port } = server.address() as AddressInfo
  const name = ['0.0.0.0', '::'].includes(host) ? 'localhost' : host.includes(':') ? `[${host}]` : host
  return `http://${name}:${port}`
}
