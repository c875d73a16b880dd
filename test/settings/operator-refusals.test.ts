import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { defineModels } from '../../src/db/models.js'
import { migrations } from '../../src/db/migrations.js'
import { migrate } from '../../src/database/migrate.js'
import { openDatabase, type DatabaseAddress } from '../../src/database/open.js'
import { OperatorRefusals } from '../../src/settings/operator-refusals.js'
import { describeOnBoth } from '../helpers/databases.js'

const NO = 'Telemetry is off: the environment variable DO_NOT_TRACK is set.'

/** The refusals on a database, as one platform or command line sees them. */
async function openReplica (t: TestContext, address: DatabaseAddress): Promise<OperatorRefusals> {
  const sequelize = await openDatabase(address)
  t.after(() => sequelize.close())
  await migrate(sequelize, 'PlatformMigrations', migrations)
  return new OperatorRefusals(defineModels(sequelize).PlatformSetting)
}

describeOnBoth('the operator\'s refusal of a running platform', (create) => {
  test('stays when a replica whose operator allows telemetry starts, runs and stops', async (t) => {
    const address = await create()
    const [refusing, other, commandLine] = await Promise.all([1, 2, 3].map(() => openReplica(t, address)))
    assert.equal(await commandLine!.read(), undefined)
    await refusing!.renew(NO)
    for (let look = 0; look < 10; look++) {
      await other!.renew(undefined)
      await refusing!.renew(NO)
    }
    await other!.withdraw()
    assert.equal(await commandLine!.read(), NO)
    await refusing!.withdraw()
    assert.equal(await commandLine!.read(), undefined)
  })

  test('of a killed platform stays until another process finds that it is no longer renewed', async (t) => {
    const address = await create()
    await (await openReplica(t, address)).renew(NO)
    const [other, commandLine] = [await openReplica(t, address), await openReplica(t, address)]
    for (let look = 0; look < 3; look++) {
      await other.renew(undefined)
      assert.equal(await commandLine.read(), NO, `after look ${look + 1}`)
    }
    await other.renew(undefined)
    assert.equal(await commandLine.read(), undefined)
  })
})
