/**
 * `npm run pack:telemetry -- DIR`: packs src/telemetry as the package @flowforge/telemetry, for hosts that embed the
 * module without the platform. Leaves the tarball in DIR and prints its path last.
 *
 * With --built it copies what `npm run build` has compiled, for tests: compiling takes most of the time.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const [target, ...options] = process.argv.slice(2)
if (!target) {
  console.error('Usage: npm run pack:telemetry -- DIR')
  process.exit(64)
}

const root = import.meta.dirname
const folder = mkdtempSync(join(tmpdir(), 'flowforge-telemetry-'))
const run = (command, ...args) => execFileSync(command, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

try {
  const dist = join(folder, 'dist')
  if (options.includes('--built')) cpSync(join(root, 'dist/telemetry'), dist, { recursive: true })
  // Its root is src/telemetry: an import from outside of it does not compile.
  else run(process.execPath, join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.telemetry.json', '--outDir', dist)
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  writeFileSync(join(folder, 'README.md'), readme())
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`)
  mkdirSync(target, { recursive: true })
  const [{ filename }] = JSON.parse(run('npm', 'pack', folder, '--json', '--ignore-scripts', '--pack-destination', resolve(target)))
  console.log(join(resolve(target), filename.replace('@flowforge/', 'flowforge-').replace('/', '-')))
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** The manifest: versions and ranges come from the package.json of this repository. */
function manifest () {
  const { version, keywords, license, engines, dependencies, repository, homepage, bugs } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const pick = (...names) => Object.fromEntries(names.map((name) => [name, dependencies[name]]))
  return {
    name: '@flowforge/telemetry',
    version,
    description: 'Anonymous usage telemetry for a Fastify platform: one small ping a day, which an administrator or operator can turn off',
    keywords,
    license,
    repository,
    homepage,
    bugs,
    type: 'module',
    engines,
    main: './dist/index.js',
    types: './dist/index.d.ts',
    exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } },
    files: ['dist'],
    dependencies: pick('fastify-plugin', 'typebox', 'undici', 'yaml'),
    peerDependencies: { fastify: '5', sequelize: '6' }
  }
}

/** docs/embedding.md, without the links that lead into this repository. */
function readme () {
  return readFileSync(join(root, 'docs/embedding.md'), 'utf8').replace(/\[([^\]]+)\]\((?!https?:)[^)]+\)/g, '$1')
}
