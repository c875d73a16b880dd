/** Boundaries between the folders of src, checked by `npm run lint`. docs/architecture.md says why they are there. */
module.exports = {
  forbidden: [
    {
      name: 'no-circles',
      comment: 'Files that import each other, even types alone, cannot be read one after the other.',
      severity: 'error',
      from: {},
      to: { circular: true }
    },
    {
      name: 'telemetry-is-self-contained',
      comment: 'The module is a package of its own: it imports nothing of the platform or the collector.',
      severity: 'error',
      from: { path: '^src/telemetry/' },
      to: { path: '^src/', pathNot: '^src/telemetry/' }
    },
    {
      name: 'telemetry-uses-the-packages-of-its-host',
      comment: 'A value of our copy of sequelize or fastify means nothing to another copy in a host. Types are fine.',
      severity: 'error',
      from: { path: '^src/telemetry/' },
      to: { path: 'node_modules/(sequelize|fastify|pg|@appthreat/sqlite3)/', dependencyTypesNot: ['type-only'] }
    },
    {
      name: 'telemetry-imports-its-own-dependencies',
      comment: 'What the package @flowforge/telemetry depends on (pack-telemetry.js), and its peers.',
      severity: 'error',
      from: { path: '^src/telemetry/' },
      to: { path: 'node_modules/', pathNot: 'node_modules/(@types/node|fastify-plugin|typebox|undici|yaml|sequelize|fastify)/' }
    },
    {
      name: 'collector-imports-the-ping-alone',
      comment: 'Platform and collector share the contract, src/telemetry/ping.ts, and the folders database, network and process.',
      severity: 'error',
      from: { path: '^src/collector/' },
      to: { path: '^src/', pathNot: '^src/(collector/|database/|network/|process/|telemetry/ping\\.ts$)' }
    },
    {
      name: 'nobody-imports-the-collector',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/collector/' },
      to: { path: '^src/collector/' }
    },
    {
      name: 'what-people-see-is-imported-by-the-app-alone',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/(admin|setup|home|documents|cli)/', pathNot: '^src/$1/' }
    },
    {
      name: 'database-and-network-are-below-all',
      comment: 'The lookup of names is part of the telemetry package, and serves the connection to PostgreSQL, too.',
      severity: 'error',
      from: { path: '^src/(database|network)/' },
      to: { path: '^src/', pathNot: ['^src/$1/', '^src/telemetry/delivery/lookup\\.ts$'] }
    },
    {
      name: 'no-unlisted-package',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'unknown'], dependencyTypesNot: ['type-only'] }
    },
    {
      name: 'no-unresolvable-import',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true }
    }
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    // Imports of types alone count, too.
    tsPreCompilationDeps: 'specify',
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] }
  }
}
