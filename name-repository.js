/**
 * `node name-repository.js URL REF`: before a release, names the repository in package.json, and makes the links and
 * pictures of README.md absolute, since a registry's page has none of this repository's files.
 */
import { readFileSync, writeFileSync } from 'node:fs'

const [url, ref] = process.argv.slice(2)
if (!/^https:\/\/\S+$/.test(url ?? '') || !ref) {
  console.error('Usage: node name-repository.js https://HOST/OWNER/NAME REF')
  process.exit(64)
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8'))
Object.assign(manifest, { repository: { type: 'git', url: `git+${url}.git` }, homepage: `${url}#readme`, bugs: `${url}/issues` })
writeFileSync('package.json', `${JSON.stringify(manifest, null, 2)}\n`)

const readme = readFileSync('README.md', 'utf8')
writeFileSync('README.md', readme.replace(/(!?)\[([^\]]*)\]\((?!https?:|#)([^)]+)\)/g, (_link, picture, text, path) => (
  `${picture}[${text}](${url}/${picture ? 'raw' : 'blob'}/${ref}/${path})`)))
