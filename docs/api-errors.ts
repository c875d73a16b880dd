/** What each error code of the HTTP API means: for docs/api.md. A test compares the codes with those in src. */
export interface ApiError {
  code: string
  statuses: number[]
  meaning: string
}

export const API_ERRORS: ApiError[] = [
  { code: 'invalid_request', statuses: [400, 413, 415], meaning: 'The body is not what the call takes; `error` names the field.' },
  { code: 'unauthorized', statuses: [401], meaning: 'Nobody is signed in, or the session has ended. Sign in again.' },
  { code: 'wrong_credentials', statuses: [401], meaning: 'The username or the password is wrong.' },
  { code: 'forbidden', statuses: [403], meaning: 'The account is not an administrator\'s.' },
  { code: 'invalid_csrf', statuses: [403], meaning: 'The token is missing or wrong. Send JSON; in the setup, send `_csrf`, too.' },
  { code: 'other_site', statuses: [403], meaning: '`Origin` or `Sec-Fetch-Site` names another site. Programs send neither.' },
  { code: 'not_found', statuses: [404], meaning: 'There is no such call. The setup\'s are gone once it is finished.' },
  { code: 'account_exists', statuses: [409], meaning: 'The username or email of the new administrator is taken.' },
  { code: 'administrator_exists', statuses: [409], meaning: 'The administrator was created before. Sign in instead.' },
  { code: 'no_administrator', statuses: [409], meaning: 'The setup cannot be finished without an administrator.' },
  { code: 'telemetry_locked', statuses: [409], meaning: 'The operator has turned telemetry off, so it cannot be turned on here.' },
  { code: 'telemetry_off', statuses: [409], meaning: 'Telemetry is off, so nothing is sent.' },
  { code: 'unknown_host', statuses: [421], meaning: 'During the setup, the platform answers only to names that it knows.' },
  { code: 'too_many_requests', statuses: [429], meaning: 'Too many attempts to sign in. Wait for the seconds in `retry-after`.' },
  { code: 'unexpected_error', statuses: [500], meaning: 'The platform failed. Its log has the details.' },
  { code: 'right_not_offered', statuses: [502], meaning: 'The receiver cannot be asked what it holds, or to delete it.' },
  { code: 'receiver_unavailable', statuses: [503], meaning: 'The receiver could not be reached. Try again later.' },
  { code: 'busy', statuses: [503], meaning: 'Too many people sign in at once. Wait for the seconds in `retry-after`.' },
  {
    code: 'decision_not_saved',
    statuses: [503],
    meaning: 'The database failed. What was turned off is off in this process, and is written as soon as that works; ' +
      'what was to be turned on is not.'
  },
  { code: 'ping_not_sent', statuses: [503], meaning: 'The ping could not be made or recorded, so none was sent.' }
]
