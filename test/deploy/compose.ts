import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

export interface Service {
  environment?: Record<string, string>
  networks: string[] | Record<string, { ipv4_address?: string }>
  build?: { context: string, dockerfile: string, target: string }
  [key: string]: unknown
}

interface Compose {
  services: Record<string, Service>
  networks: Record<string, { ipam?: { config: { subnet: string, ip_range: string }[] }, internal?: boolean }>
  volumes: Record<string, unknown>
}

/** Reads a compose file of deploy/, and the flowforge.yml next to it. */
export function readCompose (name: 'platform' | 'collector'): { compose: Compose, configuration: string } {
  return {
    compose: parse(readFileSync(`deploy/${name}.compose.yml`, 'utf8')),
    configuration: readFileSync('deploy/flowforge.yml', 'utf8')
  }
}
