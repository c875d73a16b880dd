import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DOCUMENTS } from '../../src/documents/names.js'
import { renderDocument } from '../../src/documents/render.js'
import { CONTACT_URL } from '../../src/telemetry/describe-state.js'
import { buildNewPlatform, Client, setUp } from '../helpers/client.js'

describe('the documents', () => {
  test('are public, also before the setup, and link to each other', async (t) => {
    const client = new Client(await buildNewPlatform(t))
    const pages = new Map<string, string>()
    for (const name of DOCUMENTS) {
      const { statusCode, body } = await client.get(`/documents/${name}`)
      assert.equal(statusCode, 200, name)
      pages.set(name, body)
    }
    for (const [name, body] of pages) {
      const targets = [...body.matchAll(/<a href="([^"]+)"/g)].map(([, href]) => href!)
      for (const target of targets.filter((href) => /^(#|\/documents)/.test(href) && href !== '#content')) {
        const [path, anchor] = target.split('#')
        const page = path === '' ? body : pages.get(path!.replace('/documents/', ''))
        assert.ok(page, `${name} links to ${target}`)
        if (anchor) assert.ok(page.includes(`id="${anchor}"`), `${name} links to ${target}`)
      }
      assert.doesNotMatch(body, /href="[^"]*\.(md|ts)|<!-- table|<img src="(?!\/assets)/, name)
    }
  })

  test('that do not exist are a 404', async (t) => {
    const client = new Client(await buildNewPlatform(t))
    for (const name of ['nothing', 'design', '..%2Fpackage', 'telemetry.md']) {
      assert.equal((await client.get(`/documents/${name}`)).statusCode, 404, name)
    }
  })

  test('name the same contact as the Telemetry page', async (t) => {
    const client = await setUp(await buildNewPlatform(t))
    assert.ok((await client.get('/documents/privacy')).body.includes(`<a href="${CONTACT_URL}">`))
    assert.match((await client.get('/admin/settings/telemetry')).body, /Questions about what is received: the operator of 127\.0\.0\.1:9\./)
  })
})

test('a document is converted to HTML, with links to pages of the platform', () => {
  const { title, html } = renderDocument('# A *title*\n\n[a](privacy.md#your-rights) [b](../README.md) [c](design.md) [d](#x)\n\n![e](x.png)\n')
  assert.equal(title, 'A *title*')
  assert.match(html, /<h1 id="a-title">A <em>title<\/em><\/h1>/)
  assert.match(html, /<p><a href="\/documents\/privacy#your-rights">a<\/a> b c <a href="#x">d<\/a><\/p>/)
  assert.match(html, /<p>e<\/p>/)
})
