/** Takes the pictures of the README: `npm run screenshots` writes them to docs/. */
import { mkdir } from 'node:fs/promises'
import os from 'node:os'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { DEFAULT_URL } from '../../src/telemetry/config.js'
import { sqliteUrl, startCollector } from '../collector/start-collector.js'
import { launchChromium } from './chromium.js'
import { fillAccount, openTelemetry, press, visit } from './visit.js'

const MARGIN = 24
const browserOptions = { viewport: { width: 900, height: 700 } }

test('screenshots of the decision, of the Telemetry page and of a ping', async (t) => {
  // Replace values that describe the machine on which the pictures are taken.
  t.mock.method(os, 'release', () => '6.8.0')
  await mkdir('docs', { recursive: true })
  const { browser, close } = await launchChromium()
  t.after(close)

  // The default view. Nothing is sent, as the setup is not finished.
  const { page: wizard } = await visit(t, browser, { telemetry: { url: DEFAULT_URL }, browser: browserOptions })
  await wizard.goto('/')
  await fillAccount(wizard)
  await press(wizard, 'Create the administrator')
  await wizard.locator('pre.ping').waitFor()
  await takeDownTo(wizard, 'pre.ping', 'docs/decision.png')

  const collector = await startCollector(t, await sqliteUrl(t))
  const { page } = await openTelemetry(t, browser, { telemetry: { url: collector.url }, browser: browserOptions })
  await press(page, 'Send a ping now')
  await page.getByRole('link', { name: 'See the ping' }).waitFor()
  await page.goto('/admin/settings/telemetry')
  await takeDownTo(page, 'section:has(#state)', 'docs/telemetry-page.png')
  await page.locator('.log a.when').click()
  await page.locator('.compared').waitFor()
  await takeDownTo(page, '.compared', 'docs/ping-page.png')
})

/** Takes a picture from the top of the page to the end of the given element. */
async function takeDownTo (page: Page, selector: string, path: string): Promise<void> {
  const { y, height } = (await page.locator(selector).boundingBox())!
  await page.screenshot({ path, fullPage: true, clip: { x: 0, y: 0, width: browserOptions.viewport.width, height: y + height + MARGIN } })
}
