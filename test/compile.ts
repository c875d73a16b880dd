import { build, type OutputFile } from 'esbuild'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** Where the compiled files go. */
export const BUILD = 'build'

/** The tests, and what they run beside the code in src. */
const PROGRAMS = ['test', 'docs', 'demo']

/**
 * Compiles everything that a test runs, without checking types: a process that loads TypeScript takes a second longer
 * than one that loads JavaScript, and the tests start some two hundred.
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
    // The pages' templates, styles and scripts lie beside the code that serves them; the version is in package.json.
    loader: {
      '.eta': 'copy', '.css': 'copy', '.svg': 'copy', '.txt': 'copy', '.js': 'copy', '.json': 'copy', '.md': 'copy'
    },
    write: false,
    logLevel: 'warning'
  })
  for (const file of outputFiles) update(file)
  const wanted = new Set(outputFiles.map(({ path }) => path))
  for (const file of ['src', ...PROGRAMS].flatMap((folder) => listFiles(join(BUILD, folder)))) if (!wanted.has(file)) rmSync(file)
}

function listFiles (folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile()).map(({ parentPath, name }) => resolve(parentPath, name))
}

/** Writes what has changed and nothing else, so that tests that run meanwhile are not disturbed. */
function update ({ path, contents }: OutputFile): void {
  if (existsSync(path) && readFileSync(path).equals(contents)) return
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, contents)
}
