import { build } from 'esbuild'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isSoak } from './helpers/soak.js'

/** What takes a process longest to load, in some thousand files. A new import of a part of typebox is named here, too. */
const PACKAGES = ['fastify', 'fastify-plugin', 'sequelize', 'typebox', 'typebox/compile', 'typebox/schema', 'typebox/value',
  '@fastify/cookie', '@fastify/csrf-protection', '@fastify/formbody', '@fastify/helmet', '@fastify/rate-limit', '@fastify/static',
  '@fastify/swagger', '@fastify/type-provider-typebox', '@fastify/view']

/** For what was a CommonJS module. */
const BANNER = `import { createRequire as createRequireOfBundle } from 'node:module'
const require = createRequireOfBundle(import.meta.url), __filename = import.meta.filename, __dirname = import.meta.dirname`

/**
 * Bundles these packages into the `node_modules` beside what is compiled, where its imports find them first. Loading them
 * file by file takes a third of a second of processor time in each of the some two hundred processes that the tests start.
 * The soak, the tests of the packages and of a build, and what has to be loaded late (undici) use the packages as they are.
 */
export async function bundlePackages (folder: string): Promise<void> {
  const modules = join(folder, 'node_modules')
  const mark = join(modules, '.bundled-from')
  const source = [readFileSync('package-lock.json'), readFileSync(import.meta.filename)].join('\n')
  if (!isSoak && existsSync(mark) && readFileSync(mark, 'utf8') === source) return
  rmSync(modules, { recursive: true, force: true })
  if (isSoak) return
  const entries = await Promise.all(PACKAGES.map(async (name) => [name, await exportAll(name)] as const))
  await bundle(Object.fromEntries(entries), join(modules, '.bundles'))
  for (const name of PACKAGES) writePackage(modules, name)
  writeFileSync(mark, source)
}

/** @param entries by name, the text of a module that exports the package */
async function bundle (entries: Record<string, string>, folder: string): Promise<void> {
  await build({
    entryPoints: PACKAGES.map((name) => ({ in: `entry:${name}`, out: fileOf(name) })),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['pg', 'pg-hstore', 'pg-native'],
    banner: { js: BANNER },
    logLevel: 'error',
    plugins: [{
      name: 'entries',
      setup ({ onResolve, onLoad }) {
        // An ES module imports a CommonJS one as Node.js does only if it is called .mjs.
        onResolve({ filter: /^entry:/ }, ({ path }) => ({ path: `${path.slice('entry:'.length)}.mjs`, namespace: 'entry' }))
        onLoad({ filter: /.*/, namespace: 'entry' }, ({ path }) => ({
          contents: entries[path.replace(/\.mjs$/, '')]!, resolveDir: process.cwd()
        }))
      }
    }]
  })
}

/** A module with all that a package exports, a CommonJS one included. */
async function exportAll (name: string): Promise<string> {
  const exported = Object.keys(await import(name) as object)
  const names = exported.filter((each) => each !== 'default' && each !== 'module.exports')
  const isModule = /^(export|import) /m.test(readFileSync(new URL(import.meta.resolve(name)), 'utf8'))
  if (!isModule) return `import all from '${name}'\nexport default all\nexport const { ${names.join(', ')} } = all`
  return `export * from '${name}'\n` + (exported.includes('default') ? `export { default } from '${name}'` : '')
}

/** The package that leads to the bundles. */
function writePackage (modules: string, name: string): void {
  const [, owner, path = ''] = /^((?:@[^/]+\/)?[^/]+)\/?(.*)$/.exec(name) as unknown as [string, string, string?]
  const directory = join(modules, owner)
  mkdirSync(directory, { recursive: true })
  const { version } = JSON.parse(readFileSync(join('node_modules', owner, 'package.json'), 'utf8')) as { version: string }
  const exports = Object.fromEntries(PACKAGES.filter((each) => each === owner || each.startsWith(`${owner}/`)).map((each) => (
    [`.${each.slice(owner.length)}`, `./${each.slice(owner.length + 1) || 'index'}.mjs`])))
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ name: owner, version, type: 'module', exports }))
  const bundle = JSON.stringify(`${'../'.repeat(owner.split('/').length)}.bundles/${fileOf(name)}.mjs`)
  writeFileSync(join(directory, `${path || 'index'}.mjs`),
    `import * as all from ${bundle}\nexport * from ${bundle}\nexport default all.default\n`)
}

const fileOf = (name: string) => name.replace('/', '+')
