import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { tmpdir } from 'node:os'
import { after, before } from 'node:test'
import { chromium, type Browser } from 'playwright-core'

/** Unpacked next to its package, so that the next `npm ci` removes both. */
const HOME = resolve('node_modules/.cache/chromium')

/** The fonts of the package, then those of the machine, if any. */
const FONTS = `<fontconfig>
  <dir>${HOME}/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${HOME}/fonts/cache</cachedir>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>`

interface Chromium {
  browser: Browser
  /** Closes the browser, and checks its network log: neither a page nor the browser contacted another machine. */
  close: () => Promise<void>
}

/** All files of one process share a browser, because its start takes longer than many tests. */
let running: Promise<Chromium> | undefined
let users = 0

/** Gives the tests of the current suite a Chromium. It is closed after the last suite that uses it. */
export function useChromium (): Pick<Chromium, 'browser'> {
  users++
  let opened: Chromium
  before(async () => { opened = await (running ??= launchChromium()) })
  after(async () => {
    if (--users > 0) return
    running = undefined
    await opened.close()
  })
  return { get browser () { return opened.browser } }
}

/**
 * Starts a Chromium from a package that includes libraries and fonts, so that nothing has to be installed.
 * The package is for Linux on x64; elsewhere set the environment variable CHROMIUM_PATH to another Chromium.
 */
export async function launchChromium (): Promise<Chromium> {
  const { CHROMIUM_PATH } = process.env
  if (!CHROMIUM_PATH && !existsSync(HOME)) await unpack()
  const directory = await mkdtemp(join(tmpdir(), 'flowforge-browser-'))
  const log = join(directory, 'network.json')
  const browser = await chromium.launch({
    executablePath: CHROMIUM_PATH ?? `${HOME}/chromium`,
    env: { ...process.env, LD_LIBRARY_PATH: `${HOME}/al2023/lib`, FONTCONFIG_PATH: `${HOME}/fonts` },
    args: [`--log-net-log=${log}`]
  })
  return {
    browser,
    async close () {
      await browser.close()
      const hosts = hostsIn(await readFile(log, 'utf8'))
      await rm(directory, { recursive: true })
      assert.deepEqual(hosts, ['127.0.0.1'])
    }
  }
}

function hostsIn (log: string): string[] {
  return [...new Set([...log.matchAll(/"(?:url|host)":"(?:\w+:\/\/)?([^"/:]+)/g)].map((match) => match[1]!))]
}

/** Test files may unpack concurrently: each into a separate folder, and the first one moves it into place. */
async function unpack (): Promise<void> {
  await mkdir(resolve(HOME, '..'), { recursive: true })
  const draft = await mkdtemp(`${HOME}-`)
  const { TMPDIR } = process.env
  // The package unpacks into the temporary directory, and its libraries only if told that they are missing.
  Object.assign(process.env, { TMPDIR: draft, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' })
  const { default: packaged } = await import('@sparticuz/chromium')
  await packaged.executablePath()
  delete process.env.AWS_EXECUTION_ENV
  if (TMPDIR) process.env.TMPDIR = TMPDIR
  else delete process.env.TMPDIR
  await writeFile(`${draft}/fonts/fonts.conf`, FONTS)
  await rename(draft, HOME).catch(() => rm(draft, { recursive: true }))
}
