import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import {
  blameProxy, endpointOf, openTcp, openTls, openTunnel, REACH_MS, withinLimit, type Endpoint
} from './delivery/connection.js'
import { lookUp } from './delivery/lookup.js'
import { findProxy, type Proxy } from './delivery/proxy.js'
import { describeNoAnswer } from './describe-outcome.js'

/** One step of a connection, and its result. */
export interface CheckStep {
  name: 'proxy' | 'name' | 'TCP' | 'tunnel' | 'TLS'
  ok: boolean
  /** The finding; if the step failed, what went wrong and what an administrator can do. */
  words: string
  errorCode: string | null
}

/**
 * Connects to the receiver step by step, as a ping would, and closes the connection. Sends no ping, and no HTTP
 * request to the receiver.
 *
 * @returns the steps up to the first that failed; never throws
 */
export async function checkConnection (address: string): Promise<CheckStep[]> {
  const url = new URL(address)
  const steps: CheckStep[] = []
  const abortion = new AbortController()
  let current: CheckStep['name'] = 'proxy'
  const begin: Course['begin'] = async (name, step) => {
    current = name
    return step()
  }
  const report: Course['report'] = (name, words) => { steps.push({ name, ok: true, words, errorCode: null }) }
  try {
    const proxy = await begin('proxy', () => findProxy(url))
    report('proxy', describeProxy(proxy))
    await takeSteps(url, proxy, { signal: abortion.signal, begin, report })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const errorCode = typeof code === 'string' ? code : null
    steps.push({ name: current, ok: false, words: describeNoAnswer(errorCode, message, url.host), errorCode })
  } finally {
    abortion.abort()
  }
  return steps
}

/** Runs and reports the steps of one check. */
interface Course {
  signal: AbortSignal
  begin: <T>(name: CheckStep['name'], step: () => Promise<T> | T) => Promise<T>
  report: (name: CheckStep['name'], words: string) => void
}

async function takeSteps (url: URL, proxy: Proxy | undefined, { signal, begin, report }: Course): Promise<void> {
  const target = endpointOf(url)
  const first = proxy ? endpointOf(proxy.url) : target
  const blame = <T>(step: Promise<T>) => proxy ? blameProxy(step) : step
  const addresses = await begin('name', () => blame(withinLimit(
    REACH_MS, 'the name servers did not answer in time', signal, (limited) => lookUp(first.host, limited))))
  report('name', `${first.host} is ${addresses.map(({ address }) => address).join(', ')}`)
  let socket: Socket = await begin('TCP', () => blame(withinLimit(
    REACH_MS, `${first.host} could not be reached in time`, signal, (limited) => openTcp(first, addresses, limited))))
  report('TCP', `connected to ${socket.remoteAddress}, port ${first.port}`)
  if (proxy) {
    socket = await begin('tunnel', async () => blame(openThrough(socket, proxy, target, signal)))
    report('tunnel', `the proxy has connected to ${target.host}, port ${target.port}`)
  }
  if (url.protocol !== 'https:') return
  const secure = await begin('TLS', () => openTls(socket, target.host, signal))
  report('TLS', describeTls(secure))
}

async function openThrough (socket: Socket, { url }: Proxy, target: Endpoint, signal: AbortSignal): Promise<Socket> {
  const opened = url.protocol === 'https:' ? await openTls(socket, endpointOf(url).host, signal) : socket
  return openTunnel(opened, url, target, signal)
}

/** Names a proxy without its credentials. */
export function describeProxy (proxy: Proxy | undefined): string {
  return proxy ? `${proxy.url.protocol}//${proxy.url.host}, by the environment variable ${proxy.variable}` : 'none'
}

function describeTls (socket: TLSSocket): string {
  return `${socket.getProtocol()}, with a certificate that is trusted until ${socket.getPeerCertificate().valid_to}`
}
