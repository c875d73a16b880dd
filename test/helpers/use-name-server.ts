/** Loaded before a program: its lookups use the name server in NAME_SERVER, if set. */
import dns from 'node:dns'

const { NAME_SERVER } = process.env
const { Resolver } = dns.promises

if (NAME_SERVER) {
  dns.promises.Resolver = class extends Resolver {
    constructor (options?: dns.ResolverOptions) {
      super(options)
      this.setServers([NAME_SERVER!])
    }
  }
}
