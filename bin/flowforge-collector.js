#!/usr/bin/env node
import { loadBuild } from './load-build.js'

await loadBuild('collector/server.js')
