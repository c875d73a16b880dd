import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { chromium, type Browser } from 'playwright-core'

/** Beside the package it comes from, and like it gone with the next `npm ci`. */
const HOME = resolve('node_modules/.cache/chromium')

/** A real Chromium, from a package, with its own libraries and fonts: nothing has to be installed on the machine. */
export async function launchChromium (args: string[] = []): Promise<Browser> {
  if (!existsSync(HOME)) await unpack()
  return chromium.launch({
    executablePath: `${HOME}/chromium`,
    env: { ...process.env, LD_LIBRARY_PATH: `${HOME}/al2023/lib`, FONTCONFIG_PATH: `${HOME}/fonts` },
    args
  })
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
  await writeFile(`${draft}/fonts/fonts.conf`, `<fontconfig><dir>${HOME}/fonts</dir><cachedir>${HOME}/fonts/cache</cachedir></fontconfig>`)
  await rename(draft, HOME).catch(() => rm(draft, { recursive: true }))
}
