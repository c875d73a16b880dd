/** Makes X.509 certificates for the tests: the few lines of DER (X.690) that a certificate (RFC 5280) needs. */
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import type { TestContext } from 'node:test'
import tls from 'node:tls'

/** PEM, for `tls.createServer`. */
export interface Certificate {
  cert: string
  key: string
}

interface Identity {
  name: string
  publicKey: KeyObject
  privateKey: KeyObject
}

const DAY_MS = 86_400_000

const der = (tag: number, ...parts: (Buffer | string)[]) => {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part as string)))
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}
const sequence = (...parts: Buffer[]) => der(0x30, ...parts)
const objectId = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))
const commonName = (name: string) => sequence(der(0x31, sequence(objectId('550403'), der(0x0c, name))))
const utcTime = (time: number) => der(0x17, new Date(time).toISOString().replace(/^..|[-:T]|\.\d+/g, ''))
const extension = (id: string, value: Buffer) => sequence(objectId(id), der(0x04, value))

const ECDSA_WITH_SHA256 = sequence(objectId('2a8648ce3d040302'))
const MAY_SIGN_OTHERS = extension('551d13', sequence(der(0x01, Buffer.from([0xff]))))
const onlyFor = (host: string) => extension('551d11', sequence(der(0x82, host)))

/** An authority that signs certificates for one host each; a negative `daysLeft` makes an expired one. */
export function createAuthority () {
  const authority = createIdentity('Authority of the tests')
  return {
    cert: certify(authority, authority, MAY_SIGN_OTHERS, 1),
    issueFor: (host: string, daysLeft = 1) => issue(createIdentity(host), authority, daysLeft)
  }
}

/** A self-signed certificate. */
export function selfSign (host: string): Certificate {
  const identity = createIdentity(host)
  return issue(identity, identity, 1)
}

/** Trusts an authority until the test ends. NODE_EXTRA_CA_CERTS cannot be used, as it is read only at the start. */
export function trust (t: TestContext, { cert }: { cert: string }): void {
  const create = tls.createSecureContext
  t.mock.method(tls, 'createSecureContext', (options: tls.SecureContextOptions) => (
    create({ ca: [...tls.rootCertificates, cert], ...options })))
}

function createIdentity (name: string): Identity {
  return { name, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) }
}

function issue (host: Identity, issuer: Identity, daysLeft: number): Certificate {
  return {
    cert: certify(host, issuer, onlyFor(host.name), daysLeft),
    key: host.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  }
}

function certify (subject: Identity, issuer: Identity, extensions: Buffer, daysLeft: number): string {
  const notAfter = Date.now() + daysLeft * DAY_MS
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1]), randomBytes(8)),
    ECDSA_WITH_SHA256,
    commonName(issuer.name),
    sequence(utcTime(notAfter - 10 * DAY_MS), utcTime(notAfter)),
    commonName(subject.name),
    subject.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(extensions))
  )
  const signature = sign('sha256', toBeSigned, issuer.privateKey)
  const whole = sequence(toBeSigned, ECDSA_WITH_SHA256, der(0x03, Buffer.from([0]), signature))
  return `-----BEGIN CERTIFICATE-----\n${whole.toString('base64')}\n-----END CERTIFICATE-----\n`
}
