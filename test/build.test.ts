/** Tests the build of `npm start`: build.js in a project of a few files. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { BUILD_SOURCES } from './embedding/pack.js'
import { UNKNOWN_USER } from './helpers/unknown-user.js'

const SOURCES = {
  'word.ts': "export const word = 'one'\n",
  'server.ts': "import { word } from './word.js'\ndeclare const console: { log: (text: string) => void }\nconsole.log(word)\n",
  'page.eta': '<p>page</p>\n'
}

describe('npm start', () => {
  let built: string
  let project: string
  let copies = 0
  const at = (file: string) => join(project, file)
  const timeOf = (file: string) => statSync(at(file)).mtimeMs

  before(() => {
    built = mkdtempSync(join(tmpdir(), 'flowforge-build-'))
    chmodSync(built, 0o755)
    prepare(join(built, '0'))
  })
  after(() => { rmSync(built, { recursive: true, force: true }) })

  function prepare (folder: string): void {
    project = folder
    for (const file of BUILD_SOURCES.filter((name) => name !== 'src')) cpSync(file, at(file))
    // Reading the types of Node.js takes longer than all the rest of a build.
    const settings = readFileSync('tsconfig.json', 'utf8')
    assert.ok(settings.includes('"types": ["node"]'))
    writeFileSync(at('tsconfig.json'), settings.replace('"types": ["node"]', '"types": []'))
    mkdirSync(at('src'))
    for (const [name, text] of Object.entries(SOURCES)) writeFileSync(at(`src/${name}`), text)
    symlinkSync(resolve('node_modules'), at('node_modules'))
  }

  /** Another copy of the project built by the first test. */
  function copyBuilt (): void {
    project = join(built, String(++copies))
    cpSync(join(built, '0'), project, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
  }

  function setWritable (isWritable: boolean): void {
    const paths = readdirSync(project, { recursive: true, encoding: 'utf8', withFileTypes: true }).filter((entry) => !entry.isSymbolicLink())
    for (const path of [project, ...paths.map(({ parentPath, name }) => join(parentPath, name))]) {
      chmodSync(path, statSync(path).mode & ~0o222 | (isWritable ? 0o200 : 0))
    }
  }

  function start (): string {
    const { status, stdout, stderr } = spawnSync('npm', ['start', '--silent'], { cwd: project, encoding: 'utf8' })
    assert.deepEqual([status, stderr], [0, ''])
    return stdout
  }

  /** What `npm start` does, without the time that npm takes. */
  function startWithoutNpm (): string {
    const { status, stdout, stderr } = spawnSync(process.execPath, [at('build.js'), '--if-needed'], { encoding: 'utf8' })
    assert.deepEqual([status, stdout, stderr], [0, '', ''])
    return execFileSync(process.execPath, [at('dist/server.js')], { encoding: 'utf8' })
  }

  /** Builds if needed, as a user without rights to files of others. */
  function build (file = at('build.js')): [status: number | null, said: string] {
    const { status, stdout, stderr } = spawnSync(process.execPath, [file, '--if-needed'], { encoding: 'utf8', ...UNKNOWN_USER })
    return [status, stdout + stderr]
  }

  test('builds a project that was never built', () => {
    assert.equal(start(), 'one\n')
    assert.deepEqual(readdirSync(at('dist')).toSorted(),
      ['.sources', '.tsbuildinfo', 'page.eta', 'server.d.ts', 'server.js', 'word.d.ts', 'word.js'])
  })

  test('builds nothing if only the file times have changed', () => {
    copyBuilt()
    const before = readdirSync(at('dist')).map((file) => timeOf(`dist/${file}`))
    writeFileSync(at('src/word.ts'), SOURCES['word.ts'])
    assert.equal(startWithoutNpm(), 'one\n')
    assert.deepEqual(readdirSync(at('dist')).map((file) => timeOf(`dist/${file}`)), before)
  })

  test('builds a changed file, and removes the output of a deleted file', () => {
    copyBuilt()
    writeFileSync(at('src/word.ts'), "export const word = 'two'\n")
    writeFileSync(at('src/page.eta'), '<p>another</p>\n')
    writeFileSync(at('dist/gone.js'), '')
    assert.equal(startWithoutNpm(), 'two\n')
    assert.equal(readFileSync(at('dist/page.eta'), 'utf8'), '<p>another</p>\n')
    assert.ok(!existsSync(at('dist/gone.js')))
  })

  for (const files of [['word.js', 'page.eta'], ['.sources'], ['.tsbuildinfo']]) {
    test(`builds again if dist lacks ${files.join(' and ')}`, () => {
      copyBuilt()
      for (const file of files) rmSync(at(`dist/${file}`))
      assert.equal(startWithoutNpm(), 'one\n')
      assert.deepEqual(readdirSync(at('dist')).filter((name) => name !== '.tsbuildinfo'),
        readdirSync(join(built, '0/dist')).filter((name) => name !== '.tsbuildinfo'))
    })
  }

  test('starts an existing build without the compiler, and in a read-only checkout', () => {
    copyBuilt()
    rmSync(at('node_modules'))
    setWritable(false)
    assert.deepEqual(build(), [0, ''])
    assert.equal(execFileSync(process.execPath, [at('dist/server.js')], { encoding: 'utf8', ...UNKNOWN_USER }), 'one\n')
    setWritable(true)
  })

  test('warns that an existing build is outdated if it cannot build', () => {
    copyBuilt()
    rmSync(at('node_modules'))
    writeFileSync(at('src/word.ts'), '')
    assert.deepEqual(build(), [0, 'FlowForge was built from other sources than these, and that build is used. ' +
      'Run "npm ci && npm run build" to update it.\n'])
  })

  for (const [title, breakIt, sentence] of [
    ['no build and no compiler', () => { for (const file of ['node_modules', 'dist']) rmSync(at(file), { recursive: true }) },
      /^FlowForge is not built, and the compiler is not installed\. Run "npm ci && npm run build" first\.\n$/],
    ['a build that lacks a file and no compiler', () => { for (const file of ['node_modules', 'dist/word.js']) rmSync(at(file)) },
      /^The build of FlowForge lacks dist\/word\.js, and the compiler is not installed\. Run "npm ci && npm run build" first\.\n$/],
    ['no build and no right to write', () => { rmSync(at('dist'), { recursive: true }) },
      /^FlowForge is not built, and .*dist cannot be written\. Run "npm run build" as a user who may\.\n$/]
  ] as const) {
    test(`reports in one line that it has ${title}`, () => {
      copyBuilt()
      breakIt()
      setWritable(false)
      const [status, said] = build()
      assert.match(said, sentence)
      assert.equal(status, 1)
      setWritable(true)
    })
  }
})

test('the programs in bin do not build, and report in one line that there is no build', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flowforge-bin-'))
  after(() => { rmSync(folder, { recursive: true, force: true }) })
  cpSync('bin', join(folder, 'bin'), { recursive: true })
  cpSync('package.json', join(folder, 'package.json'))
  for (const program of ['flowforge.js', 'flowforge-collector.js']) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'bin', program)], { encoding: 'utf8' })
    assert.deepEqual([status, stdout], [1, ''])
    assert.match(stderr, /^FlowForge is not built\. Run "npm ci && npm run build" in .+ first\.\n$/)
  }
})
