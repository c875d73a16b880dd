import neostandard from 'neostandard'
import tseslint from 'typescript-eslint'

export default [
  ...neostandard({ ts: true, ignores: ['dist/**', 'build/**', 'coverage/**', 'var/**'] }),
  {
    // Rules that need types: a promise that nobody awaits or catches ends the process of a host.
    files: ['**/*.ts'],
    ignores: ['test/embedding/project/**'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { '@typescript-eslint': tseslint.plugin },
    rules: {
      '@typescript-eslint/no-floating-promises': ['error', {
        // node:test tracks its tests itself.
        allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['test', 'describe', 'it'] }]
      }],
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      'no-void': ['error', { allowAsStatement: true }]
    }
  },
  {
    // CONTRIBUTING.md says these limits.
    files: ['src/**/*.ts'],
    rules: {
      'max-len': ['error', { code: 120, ignoreUrls: true }],
      'max-lines': ['error', { max: 200, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 40, skipBlankLines: true, skipComments: true }]
    }
  },
  {
    // Rows of cases are longer.
    files: ['{test,bench,demo,docs}/**/*.ts'],
    rules: { 'max-len': ['error', { code: 160 }] }
  }
]
