import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { FastifyInstance } from 'fastify'
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core'
import { ACCOUNT, buildNewPlatform, setUp } from '../helpers/client.js'
import type { PlatformOptions } from '../helpers/platform.js'

export interface Visit {
  app: FastifyInstance
  /** The address of the platform. */
  base: string
  page: Page
}

export type VisitOptions = Partial<PlatformOptions> & {
  browser?: BrowserContextOptions
  /** Whether the test causes answers such as a 404, which the browser's console reports as errors. */
  expectErrors?: boolean
}

/**
 * Opens a new platform in a browser. After the test, checks that the browser has contacted no other host,
 * and that its console has no errors.
 */
export async function visit (t: TestContext, browser: Browser, { browser: look, expectErrors, ...options }: VisitOptions = {}): Promise<Visit> {
  const app = await buildNewPlatform(t, options)
  const base = await app.listen({ host: '127.0.0.1', port: 0 })
  const context = await browser.newContext({ ...look, baseURL: base })
  const origins = new Set<string>()
  const errors: string[] = []
  context.on('request', (request) => origins.add(new URL(request.url()).origin))
  context.on('console', (message) => { if (message.type() === 'error') errors.push(message.text()) })
  context.on('weberror', (error) => errors.push(String(error.error())))
  t.after(async () => {
    await context.close()
    assert.deepEqual([...origins], [base])
    if (!expectErrors) assert.deepEqual(errors, [])
  })
  return { app, base, page: await context.newPage() }
}

/** A small phone, and a small desktop. */
export const SCREENS = [[320, 640], [1280, 800]] as const

/** Checks that the whole element is visible without scrolling. */
export async function assertOnScreen (page: Page, target: Locator, height: number): Promise<void> {
  await page.evaluate('window.scrollTo(0, 0)')
  const box = await target.boundingBox()
  assert.ok(box && box.y >= 0 && box.y + box.height <= height, `${String(target)} is at ${JSON.stringify(box)} of ${height}`)
}

/** Fills in the form of the administrator. */
export async function fillAccount (page: Page): Promise<void> {
  for (const [field, value] of Object.entries(ACCOUNT)) await page.locator(`[name=${field}]`).fill(value)
}

/** Completes the wizard with its defaults. */
export async function goThroughWizard (page: Page): Promise<void> {
  await page.goto('/')
  await fillAccount(page)
  await page.getByRole('button', { name: 'Create the administrator' }).click()
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('button', { name: 'Finish the setup' }).click()
  await page.getByRole('heading', { name: 'Hello, Ada' }).waitFor()
}

/** Opens the Telemetry page of a platform whose setup is finished, as its administrator. */
export async function openTelemetry (t: TestContext, browser: Browser, options: VisitOptions): Promise<Visit> {
  const visited = await visit(t, browser, options)
  const { cookies } = await setUp(visited.app)
  await visited.page.context().addCookies(Object.entries(cookies).map(([name, value]) => (
    { name, value: encodeURIComponent(value), url: visited.base })))
  await visited.page.goto('/admin/settings/telemetry')
  return visited
}

/** Clicks the button with this name. */
export const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click()
