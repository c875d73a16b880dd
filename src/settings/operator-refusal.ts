import fp from 'fastify-plugin'

/**
 * Leaves the operator's refusal in the settings while the platform runs, so that it binds the command line, too: that may
 * be started with another environment. A killed platform leaves it there until the next start.
 */
export default fp(async (app) => {
  const leave = async (explanation: string) => {
    try {
      if ((app.settings.get('telemetry:operator') ?? '') !== explanation) await app.settings.set('telemetry:operator', explanation)
    } catch (error) {
      app.log.debug({ err: error }, 'The operator\'s refusal could not be left for the command line.')
    }
  }
  let leaving: Promise<void> | undefined
  // Not awaited: the platform starts whatever the database does.
  app.addHook('onReady', async () => {
    leaving = app.telemetry.operatorConsent().then((refusal) => leave(refusal?.explanation ?? ''))
  })
  app.addHook('preClose', async () => {
    await leaving
    await leave('')
  })
}, { name: 'app.operator-refusal', dependencies: ['app.settings', 'flowforge-telemetry'], fastify: '5.x' })
