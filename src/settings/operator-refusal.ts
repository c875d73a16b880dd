import fp from 'fastify-plugin'
import { OperatorRefusals } from './operator-refusals.js'

const RENEW_MS = 600_000

/**
 * Stores the operator's refusal in the database while the platform runs, so that the command line respects it even if
 * it is started with a different environment.
 */
export default fp(async (app) => {
  const refusals = new OperatorRefusals(app.db.models.PlatformSetting)
  const renew = async () => {
    try {
      const refusal = await app.telemetry.operatorConsent()
      await refusals.renew(refusal?.explanation)
      if (refusal) app.log.debug('The operator\'s refusal binds the command line, too.')
    } catch (error) {
      app.log.debug({ err: error }, 'The operator\'s refusal could not be left for the command line.')
    }
  }
  let renewing: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  // Not awaited, so that a slow database does not delay the start.
  app.addHook('onReady', async () => {
    renewing = renew()
    timer = setInterval(() => { renewing = renew() }, RENEW_MS).unref()
  })
  app.addHook('preClose', async () => {
    clearInterval(timer)
    await renewing
    await refusals.withdraw().catch(() => {})
  })
}, { name: 'app.operator-refusal', dependencies: ['app.db', 'flowforge-telemetry'], fastify: '5.x' })
