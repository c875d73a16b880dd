/** `npm run docs`: updates the tables in all documents. */
import { readFileSync, writeFileSync } from 'node:fs'
import { listDocuments } from './documents.js'
import { fillTables } from './tables.js'

for (const file of listDocuments()) writeFileSync(file, fillTables(readFileSync(file, 'utf8')))
