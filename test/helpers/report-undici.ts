/** Loaded before a platform: prints at its exit whether undici was ever loaded. */
import { createRequire } from 'node:module'

process.on('exit', () => {
  const loaded = Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('node_modules/undici/'))
  console.log(JSON.stringify({ level: 30, msg: `undici was ${loaded ? '' : 'never '}loaded` }))
})
