import { post, type Answer, type Post } from './delivery/post.js'
import { describeNoAnswer } from './describe-outcome.js'
import { TelemetryOffError } from './types.js'

/** The size limit of an answer in bytes. The collector's largest answer, with 1,000 pings, is smaller. */
const ANSWER_BYTES = 2 ** 21

/**
 * The limit of nested levels in an answer. A real answer has fewer; each level indents the answer where it is shown.
 */
const LEVELS = 16

/** Several times what 1,000 pings have. Parsing and showing more keeps the event loop busy. */
const MOST_VALUES = 100_000

/** How many rows the receiver deleted. */
export interface Forgotten {
  installations: number
  pings: number
}

/** The receiver did not do what it was asked; the message says why, and what to do. */
export class ReceiverError extends Error {
  override readonly name = 'ReceiverError'

  constructor (readonly code: 'right_not_offered' | 'receiver_unavailable', message: string, options?: ErrorOptions) {
    super(message, options)
  }
}

type Right = 'held' | 'forget'

type Request = Pick<Post, 'url' | 'version' | 'signal' | 'beforeWrite'> & { instanceId: string }

/**
 * Asks the receiver for everything that it holds of an installation.
 *
 * @returns the receiver's answer, parsed from JSON; its shape is up to the receiver
 * @throws ReceiverError; the signal's reason; the error of `beforeWrite`
 */
export async function requestHeld (request: Request): Promise<object> {
  const { held } = await ask('held', request)
  if (!isObject(held) || isDeeper(held, LEVELS)) throw notOffered('held', request.url)
  return held
}

/** Errors with which no request has left. */
const NOT_SENT = /^(PROXY_|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH)/

/**
 * Asks the receiver to delete everything that it holds of an installation. If the answer is lost, the
 * error says that it may have been deleted.
 *
 * @throws as `requestHeld` does
 */
export async function requestForget (request: Request): Promise<Forgotten> {
  const { forgotten } = await ask('forget', request).catch((error: unknown) => {
    const { code, message, cause } = error as Error & { code?: string, cause?: { code?: string } }
    if (code !== 'receiver_unavailable' || NOT_SENT.test(cause?.code ?? '')) throw error
    throw new ReceiverError(code, `${message} It may have deleted it anyway. ` +
      'This installation keeps its id, so that you can ask again, which does no harm.', { cause: error })
  })
  const { installations, pings } = isObject(forgotten) ? forgotten as Partial<Forgotten> : {}
  if (!isCount(installations) || !isCount(pings)) throw notOffered('forget', request.url)
  return { installations, pings }
}

async function ask (right: Right, request: Request): Promise<{ held?: unknown, forgotten?: unknown }> {
  const { status, receipt } = await postRight(right, request)
  const answer = hasMoreValues(receipt, MOST_VALUES) ? {} : parse(receipt)
  if (status === 200 && answer.status === 'success') return answer
  if (status !== 429 && status < 500) throw notOffered(right, request.url)
  throw new ReceiverError('receiver_unavailable', `${hostOf(request.url)} answered ${status}. Try again later.`)
}

async function postRight (right: Right, { instanceId, ...request }: Request): Promise<Answer> {
  try {
    return await post({
      ...request,
      url: rightUrl(request.url, right),
      body: JSON.stringify({ instanceId }),
      answerBytes: ANSWER_BYTES
    })
  } catch (error) {
    if (error instanceof TelemetryOffError) throw error
    request.signal.throwIfAborted()
    const { code, message } = error as Error & { code?: string }
    throw new ReceiverError(
      'receiver_unavailable', describeNoAnswer(code ?? null, message, hostOf(request.url)), { cause: error })
  }
}

/** Returns the URL of `/held` or `/forget`, which replaces the `/` or `/ping` at the end of the URL of pings. */
function rightUrl (url: string, right: Right): string {
  const target = new URL(url)
  target.pathname = `${target.pathname.replace(/\/(ping\/?)?$/, '')}/${right}`
  return target.href
}

const WISHES: Record<Right, string> = { held: 'say what it holds', forget: 'delete what it holds' }

const notOffered = (right: Right, url: string) => new ReceiverError('right_not_offered',
  `${hostOf(url)} does not ${WISHES[right]} by itself. Ask its operator, and name the instanceId.`)

const hostOf = (url: string) => new URL(url).host

function parse (text: string): { status?: unknown, held?: unknown, forgotten?: unknown } {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : {}
  } catch {
    // Not JSON, so not the answer of a collector.
    return {}
  }
}

/** Counts characters that begin a value in JSON, also within texts, in which a collector has few of them. */
function hasMoreValues (text: string, most: number): boolean {
  let values = 0
  const begin = /[,[{]/g
  while (begin.test(text)) if (++values > most) return true
  return false
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const isDeeper = (value: unknown, levels: number): boolean => (
  isObject(value) && (levels === 0 || Object.values(value).some((each) => isDeeper(each, levels - 1))))

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && value as number >= 0
