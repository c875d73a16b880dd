/** The third-party style sheet, copied here since only one file of its package is used. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { startCollector } from '../collector/start-collector.js'
import { buildPlatform, temporaryDirectory } from '../helpers/platform.js'

/** Of css/pico.min.css in release 2.1.1 of Pico CSS. */
const SHA256 = 'fbc9a63fc9fc9f72d12fd7fc9806e11fa9f77ae4f9cad146b27003a1119ba3db'

const sha256 = (text: string | Buffer) => createHash('sha256').update(text).digest('hex')

test('the style sheet of Pico CSS is unchanged, with its licence next to it', () => {
  assert.equal(sha256(readFileSync('src/views/assets/pico.min.css')), SHA256)
  const licence = readFileSync('src/views/assets/pico.LICENSE.txt', 'utf8')
  assert.match(licence, /^MIT License\n\nCopyright \(c\) 2019-2024 Pico\n/)
  assert.match(licence, /The above copyright notice and this permission notice shall be included in all\ncopies/)
})

test('the platform serves it, and its licence', async (t) => {
  const { app } = await buildPlatform(t, { telemetry: { url: 'http://127.0.0.1:1/' } })
  const style = await app.inject('/assets/pico.min.css')
  assert.deepEqual([style.statusCode, style.headers['content-type'], sha256(style.rawPayload)], [200, 'text/css; charset=utf-8', SHA256])
  assert.match((await app.inject('/assets/pico.LICENSE.txt')).body, /^MIT License/)
})

test('the collector serves it with its public page', async (t) => {
  const { url } = await startCollector(t, `sqlite:${temporaryDirectory(t)}/collector.db`, { public: true })
  const style = await fetch(new URL('/usage/pico.min.css', url))
  assert.deepEqual([style.status, style.headers.get('content-type')], [200, 'text/css; charset=utf-8'])
  assert.equal(sha256(Buffer.from(await style.arrayBuffer())), SHA256)
})
