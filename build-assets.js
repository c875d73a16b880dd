// What tsc leaves behind: the pages' templates, styles and scripts go beside the code that serves them.
import { cpSync } from 'node:fs'
import { extname } from 'node:path'

cpSync('src', 'dist', { recursive: true, filter: (path) => ['', '.eta', '.css', '.js', '.svg'].includes(extname(path)) })
