import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, FastifySchemaValidationError } from 'fastify'
import { STATUS_CODES } from 'node:http'
import { isForm } from './forms.js'
import { RequestProblem } from './request-problem.js'

/** The problems of a request by field; under `''` those of the whole request. */
export type Problems = Record<string, string>

const STALE_FORM =
  'The form was too old, or this browser keeps no cookies. Open the page again and send the form once more.'
const MISSING_TOKEN =
  'The CSRF token is missing or wrong. Send the one of a page, with the cookies of that page, as _csrf in the body ' +
  'or in the header csrf-token. Outside of the setup, a body of the type application/json needs none.'

/** The texts of one field's schema that are shown to people. */
interface FieldSchema {
  title?: string
  description?: string
  /** Describes a value that does not match the pattern. */
  problem?: string
}

/** Answers each error: with a page for a person, with `{code, error}` for a program. */
export function answerErrors (app: FastifyInstance): void {
  app.setErrorHandler<FastifyError>(sendError)
  app.setNotFoundHandler((request, reply) => {
    return sendError(new RequestProblem(404, 'not_found', 'There is nothing at this address.'), request, reply)
  })
}

/** Finds the problems of a request, field by field; undefined if the request did not cause the error. */
export function findProblems (error: Error, request: FastifyRequest): Problems | undefined {
  if (error instanceof RequestProblem) return { [error.field]: error.message }
  const { statusCode, validation, validationContext } = error as FastifyError
  if (statusCode === 429) return { '': describeLimit(error) }
  if (!validation) return undefined
  const context = validationContext as 'body'
  const { properties } = request.routeOptions.schema?.[context] as { properties: Record<string, FieldSchema> }
  const values = request[context] as Record<string, unknown>
  const problems: Problems = {}
  for (const violation of validation) {
    for (const field of fieldsOf(violation)) {
      if (field === '') return { '': 'The body has to be an object.' }
      problems[field] ??= describeViolation(violation, properties[field], values[field])
    }
  }
  return problems
}

function describeViolation (
  { keyword, params }: FastifySchemaValidationError, schema: FieldSchema | undefined, value: unknown
): string {
  if (!schema) return 'Unknown field.'
  const { title, description = '', problem } = schema
  if (!title || !problem) return description
  const name = title.toLowerCase()
  if (value === undefined || String(value).trim() === '') return `Enter ${/^[aeiou]/.test(name) ? 'an' : 'a'} ${name}.`
  const length = `it has ${String(value).length} characters`
  if (keyword === 'minLength') return `This is too short: ${length}, and needs at least ${params.limit}.`
  if (keyword === 'maxLength') return `This is too long: ${length}, and can have at most ${params.limit}.`
  return problem
}

const describeLimit = ({ message }: Error) => `${message.replace(/.*retry/, 'Too many attempts. Try again')}.`

function fieldsOf ({ keyword, instancePath, params }: FastifySchemaValidationError): string[] {
  if (keyword === 'required') return params.requiredProperties as string[]
  if (keyword === 'additionalProperties') return params.additionalProperties as string[]
  return [instancePath.slice(1).replaceAll('~1', '/')]
}

/** Sets the status of a problem, and `Retry-After` if it has one. */
export function setStatus ({ statusCode, retryAfter }: RequestProblem, reply: FastifyReply): void {
  reply.code(statusCode)
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter)
}

async function sendError (error: FastifyError | RequestProblem, request: FastifyRequest, reply: FastifyReply) {
  const status = error.statusCode && error.statusCode >= 400 ? error.statusCode : 500
  reply.code(status)
  if (error instanceof RequestProblem) setStatus(error, reply)
  else if (status >= 500) request.log.error({ err: error }, 'a request failed')
  const message = describeError(error, status, request)
  if (expectsPage(request)) return reply.page('views/error', { status, reason: STATUS_CODES[status], message })
  return reply.send({ code: codeOf(error, status), error: message })
}

function describeError (error: FastifyError | RequestProblem, status: number, request: FastifyRequest): string {
  if (error instanceof RequestProblem) return error.field ? `${error.field}: ${error.message}` : error.message
  if (status >= 500) return `Something went wrong inside the platform. Its log has the details, under ${request.id}.`
  if (isCsrfError(error)) return expectsPage(request) ? STALE_FORM : MISSING_TOKEN
  const problems = Object.entries(findProblems(error, request) ?? { '': error.message })
  return problems.map(([field, problem]) => field ? `${field}: ${problem}` : problem).join(' ')
}

function codeOf (error: FastifyError | RequestProblem, status: number): string {
  if (error instanceof RequestProblem) return error.code
  if (status >= 500) return 'unexpected_error'
  if (status === 429) return 'too_many_requests'
  if (isCsrfError(error)) return 'invalid_csrf'
  return error.code && !error.code.startsWith('FST_') ? error.code : 'invalid_request'
}

const isCsrfError = (error: { code?: string }) => error.code?.startsWith('FST_CSRF') ?? false

/** Checks whether the client is a person who expects a page, rather than a program that expects JSON. */
export function expectsPage (request: FastifyRequest): boolean {
  if (request.url.startsWith('/api/')) return false
  return isForm(request) || (request.headers.accept?.includes('text/html') ?? false)
}
