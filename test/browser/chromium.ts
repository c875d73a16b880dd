import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { tmpdir } from 'node:os'
import { chromium, type Browser } from 'playwright-core'

/** Beside the package it comes from, and like it gone with the next `npm ci`. */
const HOME = resolve('node_modules/.cache/chromium')

/** The fonts of the package first, then those of the machine, if it has any. */
const FONTS = `<fontconfig>
  <dir>${HOME}/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${HOME}/fonts/cache</cachedir>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>`

export interface Chromium {
  browser: Browser
  /** Closes the browser, whose own network log must name no other machine: neither a page nor the browser asked one. */
  close: () => Promise<void>
}

/**
 * A real Chromium, from a package, with its own libraries and fonts: nothing has to be installed on the machine.
 * The package is for Linux on x64; elsewhere the environment variable CHROMIUM_PATH names another Chromium.
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

/** Several test files may unpack at once: each into a folder of its own, and the first one puts it into place. */
async function unpack (): Promise<void> {
  await mkdir(resolve(HOME, '..'), { recursive: true })
  const draft = await mkdtemp(`${HOME}-`)
  const { TMPDIR } = process.env
  // The package unpacks into the temporary directory, and its libraries only where it is told that they are missing.
  Object.assign(process.env, { TMPDIR: draft, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' })
  const { default: packaged } = await import('@sparticuz/chromium')
  await packaged.executablePath()
  delete process.env.AWS_EXECUTION_ENV
  if (TMPDIR) process.env.TMPDIR = TMPDIR
  else delete process.env.TMPDIR
  await writeFile(`${draft}/fonts/fonts.conf`, FONTS)
  await rename(draft, HOME).catch(() => rm(draft, { recursive: true }))
}
