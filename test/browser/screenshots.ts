/** Takes the pictures of the README: `npm run screenshots` writes them to docs/. */
import { mkdir } from 'node:fs/promises'
import os from 'node:os'
import { test } from 'node:test'
import { sqliteUrl, startCollector } from '../collector/start-collector.js'
import { launchChromium } from './chromium.js'
import { fillAccount, visit } from './visit.js'

test('screenshots of the decision and of the Telemetry page', async (t) => {
  // The pictures are of a platform, not of the machine on which they were taken.
  t.mock.method(os, 'release', () => '6.8.0')
  await mkdir('docs', { recursive: true })
  const collector = await startCollector(t, await sqliteUrl(t))
  const { browser, close } = await launchChromium()
  t.after(close)
  const { page } = await visit(t, browser, {
    telemetry: { url: collector.url }, browser: { viewport: { width: 1000, height: 700 } }
  })
  await page.goto('/')
  await fillAccount(page)
  await page.getByRole('button', { name: 'Create the administrator' }).click()
  await page.screenshot({ path: 'docs/decision.png', fullPage: true })
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('button', { name: 'Finish the setup' }).click()
  await page.getByRole('link', { name: 'Admin Settings' }).click()
  await page.getByRole('button', { name: 'Send a ping now' }).click()
  await page.screenshot({ path: 'docs/telemetry-page.png', fullPage: true })
})
