import { build, type OutputFile } from 'esbuild'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** The folder of the compiled files. */
export const BUILD = 'build'

/** The tests, and what they run in addition to src. */
const PROGRAMS = ['test', 'docs', 'demo']

/**
 * Compiles everything that a test runs, without checking types: a process that loads TypeScript takes a second longer
 * than one that loads JavaScript, and the tests start about two hundred.
 */
export async function compile (): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: ['src/**/*', ...PROGRAMS.map((folder) => `${folder}/**/*.ts`), 'docs/*.md', 'package.json'],
    absWorkingDir: process.cwd(),
    outdir: BUILD,
    outbase: '.',
    format: 'esm',
    target: 'node20',
    sourcemap: 'linked',
    // Templates, styles and scripts of the pages are next to the code that serves them; package.json has the version.
    loader: {
      '.eta': 'copy', '.css': 'copy', '.svg': 'copy', '.txt': 'copy', '.js': 'copy', '.json': 'copy', '.md': 'copy'
    },
    write: false,
    logLevel: 'warning'
  })
  for (const file of outputFiles) update(file)
  await bundleTypebox()
  const wanted = new Set(outputFiles.map(({ path }) => path))
  for (const file of ['src', ...PROGRAMS].flatMap((folder) => listFiles(join(BUILD, folder)))) if (!wanted.has(file)) rmSync(file)
}

/**
 * Puts typebox and the plugin that loads it into a few files, which the compiled tests find before those in node_modules:
 * its 683 modules take each process a quarter of a second.
 */
async function bundleTypebox (): Promise<void> {
  const folder = resolve(BUILD, 'node_modules')
  const packages = { typebox: ['.', './compile', './value'], '@fastify/type-provider-typebox': ['.'] }
  for (const [name, exports] of Object.entries(packages)) {
    const manifest = { name, type: 'module', exports: Object.fromEntries(exports.map((path) => [path, `${path}/index.js`])) }
    update({ path: join(folder, name, 'package.json'), contents: Buffer.from(JSON.stringify(manifest)) })
  }
  const { outputFiles } = await build({
    entryPoints: Object.entries(packages).flatMap(([name, exports]) => exports.map((path) => join(name, path)))
      .map((name) => ({ in: name, out: `${name}/index` })),
    outdir: folder,
    external: ['ajv-formats'],
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    write: false,
    logLevel: 'warning'
  })
  for (const file of outputFiles) update(file)
}

function listFiles (folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile()).map(({ parentPath, name }) => resolve(parentPath, name))
}

/** Writes only changed files, so that tests that run meanwhile are not disturbed. */
function update ({ path, contents }: Pick<OutputFile, 'path' | 'contents'>): void {
  if (existsSync(path) && readFileSync(path).equals(contents)) return
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, contents)
}
