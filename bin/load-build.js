import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Runs a program of dist, or says in one line how to build it. Builds nothing itself. */
export async function loadBuild (program) {
  const url = new URL(`../dist/${program}`, import.meta.url)
  if (existsSync(url)) return import(url.href)
  console.error(`FlowForge is not built. Run "npm ci && npm run build" in ${fileURLToPath(new URL('..', import.meta.url))} first.`)
  process.exitCode = 1
}
