import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { DOCUMENTS } from '../../src/documents/names.js'
import { ACCOUNT } from '../helpers/client.js'
import { startListener } from '../helpers/listener.js'
import { inSoak, isSoak } from '../helpers/soak.js'
import { findViolations } from './axe.js'
import { useChromium } from './chromium.js'
import { fillAccount, press, visit } from './visit.js'

const WIDTHS = [320, 768, 1280]

/** The pages that together have every colour. */
const COLOURFUL = ['the refused form', 'the decision', 'Telemetry, a failure', 'Telemetry, a receipt', 'a document']

/** Colours do not depend on the width, nor the layout on the scheme, so two of the six combinations suffice. */
function schemesAt (width: number, name: string): Array<'light' | 'dark'> {
  if (isSoak) return ['light', 'dark']
  if (width === 320) return COLOURFUL.includes(name) ? ['dark'] : []
  return width === 1280 ? ['light'] : []
}

// Otherwise colours could be measured in the middle of a transition.
const browser = { reducedMotion: 'reduce' } as const

describe('every page, in light and dark colours, at 320, 768 and 1280 pixels', () => {
  const chromium = useChromium()

  test('of the wizard has no axe-core violations and no horizontal scrolling', async (t) => {
    const { page } = await visit(t, chromium.browser, { browser, expectErrors: true })
    await page.goto('/setup')
    await check(page, 'the empty form')
    await fillAccount(page)
    await page.locator('[name=username]').fill('ada lovelace')
    await press(page, 'Create the administrator')
    await check(page, 'the refused form')
    await fillAccount(page)
    await press(page, 'Create the administrator')
    await check(page, 'the decision')
    await page.goto('/setup?step=administrator')
    await check(page, 'the administrator')
    await page.goto('/setup')
    await press(page, 'Continue')
    await check(page, 'the summary')
    await page.context().clearCookies()
    await page.goto('/setup')
    await check(page, 'what a stranger sees')
  })

  test('of a platform has no axe-core violations and no horizontal scrolling', async (t) => {
    const received = { addressHash: 'f'.repeat(64), os: { type: 'Other' } }
    const answers = [{ status: 503, body: 'x'.repeat(300) }, { status: 200, body: JSON.stringify({ status: 'success', received }) }]
    const listener = await startListener(t, (response) => {
      const { status, body } = answers.shift()!
      response.writeHead(status).end(body)
    })
    const { app, page } = await visit(t, chromium.browser, { browser, expectErrors: true, telemetry: { url: listener.url } })
    await page.goto('/')
    await fillAccount(page)
    for (const button of ['Create the administrator', 'Continue', 'Finish the setup']) {
      await press(page, button)
    }
    await check(page, 'home')
    await page.getByRole('link', { name: 'Admin Settings' }).click()
    await check(page, 'Telemetry, nothing sent')
    await press(page, 'Send a ping now')
    await check(page, 'Telemetry, a failure')
    await press(page, 'Send a ping now')
    await check(page, 'Telemetry, a receipt')
    await page.getByRole('link', { name: 'See the ping' }).click()
    await check(page, 'a ping, opened')
    await page.goBack()
    await app.settings.set('telemetry:enabled', false)
    await page.reload()
    await check(page, 'Telemetry, off')
    await page.goto('/nowhere')
    await check(page, 'an error')
    await press(page, 'Sign out')
    await check(page, 'the login')
    await page.getByLabel('Username').fill(ACCOUNT.username)
    await page.getByLabel('Password').fill('wrong')
    await press(page, 'Sign in')
    await check(page, 'the refused login')
  })

  test('of the documents has no axe-core violations and no horizontal scrolling', async (t) => {
    const { page } = await visit(t, chromium.browser, { browser })
    for (const name of DOCUMENTS) {
      await page.goto(`/documents/${name}`)
      for (const width of WIDTHS) await checkWidth(page, width, name)
    }
    await page.goto('/documents/privacy')
    await check(page, 'a document')
  })

  test('with a locked switch has no axe-core violations and no horizontal scrolling', async (t) => {
    const { page } = await visit(t, chromium.browser, { browser, telemetry: { url: 'http://127.0.0.1:9', enabled: 'no' } })
    await page.goto('/')
    await fillAccount(page)
    await press(page, 'Create the administrator')
    await check(page, 'the decision')
    await page.goto('/admin/settings/telemetry')
    await check(page, 'Telemetry')
  })
})

/** Checks the current page with all collapsed parts opened. */
async function check (page: Page, name: string): Promise<void> {
  await page.waitForLoadState()
  await page.evaluate('document.querySelectorAll("details").forEach((each) => { each.open = true })')
  for (const width of WIDTHS) {
    await checkWidth(page, width, name)
    for (const colorScheme of schemesAt(width, name)) {
      await page.emulateMedia({ colorScheme })
      const violations = await findViolations(page, inSoak(false, colorScheme === 'dark'))
      assert.deepEqual(violations, [], `${name}, ${colorScheme}, ${width} pixels`)
    }
  }
}

async function checkWidth (page: Page, width: number, name: string): Promise<void> {
  await page.setViewportSize({ width, height: 800 })
  const tooWide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
  assert.equal(tooWide, 0, `${name} is wider than ${width} pixels`)
}
