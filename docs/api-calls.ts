/** The calls of the HTTP API with an example of each, made from the OpenAPI document that the platform serves. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildApp, loadConfig } from '../src/app.js'

/** What is used of a JSON Schema. */
interface Schema {
  type?: string | string[]
  enum?: unknown[]
  anyOf?: Schema[]
  format?: string
  required?: string[]
  properties?: Record<string, Schema>
  items?: Schema
}

/** `example` is where @fastify/swagger puts the one of the schema. */
type Content = { content?: { 'application/json'?: { schema: Schema, example?: unknown } } }

interface Operation {
  summary: string
  tags: string[]
  requestBody?: Content
  responses: Record<string, Content>
}

/** What a property holds in the examples, where its schema does not suggest it. */
const EXAMPLES: Record<string, unknown> = {
  decidedBy: 'administrator',
  explanation: 'Telemetry is on.',
  locked: false,
  newProperties: [],
  lastPing: null,
  kind: 'daily',
  url: 'https://ping.flowforge.com/',
  instanceId: '5db51f99-c6fb-4340-9c19-78adce58cc1b',
  idempotencyKey: '0d2b3a52-5f0c-4c8e-9d0e-6f3f1a4b7c11',
  body: '{"instanceId":"5db51f99-…"}',
  outcome: 'delivered',
  status: 200,
  nextAttemptAt: null,
  durationMs: 85,
  contentType: 'application/json',
  receipt: '{"status":"success"}',
  errorCode: null,
  error: null,
  who: 'ada',
  name: 'Ada',
  username: 'ada',
  email: 'ada@example.com',
  password: 'correct horse',
  type: 'Linux',
  release: '6.12.0',
  arch: 'x64',
  nodejs: 'v24.11.0',
  flowforge: '0.3.0'
}

const document = await readOpenApi()

/** Each call as a heading, and what is sent and answered. */
export function describeCalls (): string {
  return Object.entries(document.paths)
    .flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })))
    .toSorted((one, other) => TAGS.indexOf(one.operation.tags[0]!) - TAGS.indexOf(other.operation.tags[0]!))
    .map(describeCall)
    .join('\n\n')
}

const LINE_LENGTH = 100

/** In the order in which a program meets them. */
const TAGS = ['account', 'admin', 'setup']

function describeCall ({ path, method, operation }: { path: string, method: string, operation: Operation }): string {
  const isSetup = operation.tags.includes('setup')
  const body = operation.requestBody?.content?.['application/json']?.schema
  const sent = method === 'get' ? '' : ` ${JSON.stringify(body ? exampleOf(body, isSetup ? ['_csrf'] : []) : {})}`
  // A call that answers nothing of its own confirms.
  const answered = operation.responses['200']?.content?.['application/json']
  const answer = answered ? answered.example ?? exampleOf(answered.schema) : { status: 'okay' }
  return `### ${operation.summary}\n\n\`\`\`http\n${method.toUpperCase()} ${path}${sent}\n\n${layOut(answer)}\n\`\`\``
}

/** On one line what fits there. */
function layOut (value: unknown): string {
  const line = JSON.stringify(value)
  return line.length <= LINE_LENGTH ? line : JSON.stringify(value, null, 2)
}

/** A value that a schema allows. @param optional the optional properties that it has as well */
function exampleOf (schema: Schema, optional: string[] = []): unknown {
  const { type, format, properties = {}, required = [], items } = schema
  if (schema.enum) return schema.enum[0]
  if (schema.anyOf) return exampleOf(schema.anyOf[0]!)
  const [kind] = [type].flat()
  if (kind === 'boolean') return true
  if (kind === 'integer') return 1
  if (kind === 'array') return [exampleOf(items!)]
  if (kind === 'string') return format === 'date-time' ? '2026-01-31T08:00:00.000Z' : '…'
  const names = Object.keys(properties).filter((name) => required.includes(name) || optional.includes(name))
  return Object.fromEntries(names.map((name) => [name, name in EXAMPLES ? EXAMPLES[name] : exampleOf(properties[name]!)]))
}

/** The document of a platform before its setup, on a directory of its own. Nothing is sent. */
async function readOpenApi (): Promise<{ paths: Record<string, Record<string, Operation>> }> {
  const home = mkdtempSync(join(tmpdir(), 'flowforge-'))
  try {
    const file = join(home, 'flowforge.yml')
    writeFileSync(file, 'telemetry: { enabled: false }\n')
    const app = await buildApp(loadConfig(file, { FLOWFORGE_HOME: home }), false)
    await app.ready()
    const openApi = app.swagger()
    await app.close()
    return openApi as never
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}
