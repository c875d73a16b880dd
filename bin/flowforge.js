#!/usr/bin/env node
import { loadBuild } from './load-build.js'

await loadBuild('cli/index.js')
