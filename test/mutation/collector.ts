/* eslint no-template-curly-in-string: off -- the lines of the source are no templates here */
import { mutate } from './mutation.js'

const ADDRESS = 'test/collector/http/client-address.test.ts'
const INGEST = 'test/collector/http/ingest.test.ts'
const PINGS = 'test/collector/storage/pings.test.ts'
const COMMIT = 'test/collector/storage/group-commit.test.ts'
const SALTS = 'test/collector/storage/salts.test.ts'
const FIGURES = 'test/collector/storage/figures.test.ts'
const RIGHTS = 'test/collector/http/rights.test.ts'
const MAINTENANCE = 'test/collector/maintenance.test.ts'
const REPORT = 'test/collector/report/report.test.ts'

/** Lines of the collector's intake, salts, figures and rights. */
export const collectorMutations = [
  ...mutate('src/collector/http/client-address.ts', ADDRESS,
    ['.update(salt + address)', '.update(address)', 'another hash'],
    ["createHmac('sha256', key)", "createHmac('sha256', 'known')", 'another hash'],
    ["readClient(request.ip ?? '')", "readClient('')", 'behind a trusted proxy']),
  ...mutate('src/collector/http/client-address.ts', SALTS,
    ['salts.of(dayOf(request.receivedAt))', 'salts.of(0)', 'same all day and another the next day']),
  ...mutate('src/network/addresses.ts', ADDRESS,
    ["?.toString() ?? 'unknown'", '?.toString() ?? text', 'one unknown client'],
    ['.slice(0, 8)', '.slice(0, 16)', '/64'],
    ['if (isIPv4(address)) return', 'if (ipaddr.IPv4.isValid(address)) return', 'one unknown client'],
    ["bare.replace(/%.*$/, '')", 'bare', 'zone id'],
    ['address?.kind() === network[0].kind() && address.match(network)', 'network !== undefined', 'not a trusted proxy']),
  ...mutate('src/collector/http/ingest.ts', INGEST,
    ["if (encoding && encoding.toLowerCase() !== 'identity')", 'if (encoding === "")', 'encoded'],
    ['^[\\\\x21-\\\\x7e]{1,128}$', '^.*$', 'invalid idempotency key a 400'],
    ['key ?? null', 'null', 'one idempotency key']),
  ...mutate('src/collector/http/ping-body.ts', INGEST,
    ["required: ['instanceId']", 'required: []', 'is a 400'],
    ['pattern: PLAIN_TEXT, nullable: true', 'nullable: true', 'is a 400']),
  ...mutate('src/collector/storage/columns.ts', INGEST, ["asItIs(value) : 'other'", 'asItIs(value) : asItIs(value)', 'stored as other']),
  ...mutate('src/collector/storage/pings.ts', PINGS,
    ['(Math.min(...days) - 1) * DAY', 'Math.min(...days) * DAY', 'a retry after midnight is not'],
    ["return ['22001',", "return ['23514', '22001',", 'without a partition']),
  ...mutate('src/collector/storage/installations.ts', PINGS,
    ['ELSE known.days | (CAST(1 AS BIGINT) << -${GAP}) END', 'ELSE known.days END', 'each day heard'],
    ['((known.days << ${GAP}) & ${ALL_DAYS}) | 1', '1', 'each day heard']),
  ...mutate('src/collector/storage/group-commit.ts', COMMIT,
    ['if (queue.length >= limits.queue)', 'if (queue.length > limits.queue)', 'full queue'],
    ['!keys.has(key)', 'true', 'items of one key'],
    ['Math.ceil((queue.length + batch.length) / 2)', 'queue.length', 'takes half'],
    ['batch.length < most && ', '', 'at most the size limit'],
    ['if (batch.length === 1 || !limits.isFaultOfItem(error)) {', 'if (limits !== undefined) {', 'fails alone']),
  ...mutate('src/collector/storage/salts.ts', SALTS,
    ['[today - 1, today + 1]', '[today - 2, today + 1]', 'no byte of the files'],
    ['if (current && current.day !== today) current = undefined', '', 'forgets the salt'],
    ['wal_checkpoint(TRUNCATE)', 'wal_checkpoint(PASSIVE)', 'no byte of the files'],
    ['VACUUM FULL salts', 'VACUUM salts', 'no file of the server']),
  ...mutate('src/collector/storage/salts.ts', MAINTENANCE, ['if (result?.busy) throw', 'if (!result) throw', 'cannot remove from its log']),
  ...mutate('src/collector/storage/rounding.ts', FIGURES,
    ['export const SMALLEST = 5', 'export const SMALLEST = 4', 'no bucket is below'],
    ['count - count % SMALLEST', 'Math.round(count / SMALLEST) * SMALLEST', 'are rounded down to 5'],
    ['return other >= SMALLEST ?', 'return other > 0 ?', 'no bucket is below'],
    ['Math.max(SMALLEST, SMALLEST * most)', 'Math.max(SMALLEST, most)', 'fifth of its step']),
  ...mutate('src/collector/storage/figures.ts', FIGURES,
    ['SET counted = place <= ${newPerAddress}, leads', 'SET counted = true, leads', 'ever count'],
    ['WHERE counted AND first_day < ${day}', 'WHERE first_day < ${day}', 'ever count'],
    ['WHERE introduced_by IS NOT NULL AND first_day < ${day}`', 'WHERE introduced_by IS NOT NULL AND first_day < 0`', 'ever count'],
    ['WHERE leads AND ${column} IS NOT NULL', 'WHERE ${column} IS NOT NULL', 'a sum caps'],
    ['WHERE ${isHeard(WINDOWS.month)} AND ${isSettled(day)}', 'WHERE ${isHeard(WINDOWS.month)}', 'from the second day']),
  ...mutate('src/collector/storage/retention.ts', MAINTENANCE,
    ['[before * DAY, STEP]', '[(before + 1) * DAY, STEP]', 'older than the period'],
    ['last_day > $1`, [today + 1])', 'last_day > $1`, [today + 9999])', 'last heard in the future']),
  ...mutate('src/collector/storage/rights.ts', RIGHTS,
    ["'DELETE FROM pings WHERE instance_id = $1'", "'DELETE FROM pings WHERE instance_id = $1 AND 1 = 0'", '/forget deletes'],
    ["'DELETE FROM installations WHERE instance_id = $1'", "'DELETE FROM installations WHERE instance_id >= $1'", 'does not affect others'],
    ["'PRAGMA wal_checkpoint(TRUNCATE)'", "'PRAGMA user_version'", 'no byte of a forgotten']),
  ...mutate('src/collector/report/access.ts', REPORT,
    ['if (!token) throw', 'if (token === "") throw', 'there is no report'],
    ['if (carriesToken(request.headers.authorization, token)) return', 'if (request.headers.authorization) return', 'requires its token'],
    ['failures.of(request.networkHash) >= MOST_FAILURES', 'failures.of(request.networkHash) >= 1e6', 'guesses'])
]
