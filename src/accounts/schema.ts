import { Type, type Static } from 'typebox'

/** A field that existing front ends send, and that is ignored. */
export const ignored = Type.Optional(Type.Unknown({ description: 'Sent by other front ends; ignored.' }))

/** The CSRF token of a form. The setup requires it with JSON, too. It may be sent in the header csrf-token instead. */
export const csrfToken = Type.String({ description: 'The token from the hidden field of the page.' })

const NAME_LENGTH = 128
const USERNAME_LENGTH = 64
const EMAIL_LENGTH = 254

/*
 * A pattern runs even on a text that is longer than its maxLength, so each one limits the length itself.
 * Adjacent parts of a pattern match no common character, so that it never backtracks.
 * Control characters are excluded, because PostgreSQL cannot store NUL in a text.
 */
const PRINTABLE = `^[^\\x00-\\x1f]{1,${USERNAME_LENGTH}}$`
const BLANK = '[^\\S\\x00-\\x1f]'
const NOT_BLANK = `^${BLANK}{0,${NAME_LENGTH}}[^\\s\\x00-\\x1f][^\\x00-\\x1f]{0,${NAME_LENGTH}}$`
const EMAIL = `^[^\\s@\\x00-\\x1f]{1,${EMAIL_LENGTH}}@[^\\s@\\x00-\\x1f]{1,${EMAIL_LENGTH}}$`

const username = Type.String({
  title: 'Username',
  description: 'Letters, digits, - and _, no spaces. You sign in with it.',
  problem: 'This has a character other than letters, digits, - and _.',
  pattern: `^[A-Za-z0-9_\\-]{1,${USERNAME_LENGTH}}$`,
  minLength: 1,
  maxLength: USERNAME_LENGTH
})

/**
 * The fields of a new account. `description` is the rule, shown next to the field; `problem` describes a value of the
 * right length that breaks it.
 */
export const accountSchema = Type.Object({
  name: Type.String({
    title: 'Name',
    description: 'As others see it.',
    problem: 'This has a line break or another character that cannot be shown.',
    pattern: NOT_BLANK,
    minLength: 1,
    maxLength: NAME_LENGTH
  }),
  username,
  email: Type.String({
    title: 'Email',
    description: 'An address such as ada@example.com.',
    problem: 'This is not an email address: it needs a name, an @ and a domain, without spaces.',
    format: 'email',
    pattern: EMAIL,
    minLength: 3,
    maxLength: EMAIL_LENGTH
  }),
  password: Type.String({
    title: 'Password',
    description: 'At least 8 characters. Longer is better than complicated.',
    problem: 'This is not text.',
    format: 'password',
    minLength: 8,
    // Limited, because the cost of hashing grows with the length.
    maxLength: 1024
  })
}, { additionalProperties: false })

export type Account = Static<typeof accountSchema>

export const loginSchema = Type.Object({
  username: Type.String({
    title: 'Username',
    description: 'Enter the username of your account.',
    pattern: PRINTABLE,
    minLength: 1,
    maxLength: USERNAME_LENGTH
  }),
  password: Type.String({
    title: 'Password',
    description: 'Enter the password of your account.',
    format: 'password',
    minLength: 1,
    maxLength: 1024
  }),
  next: Type.Optional(Type.String({ description: 'The page to open next; a path of this platform.', maxLength: 512 })),
  remember: ignored,
  _csrf: Type.Optional(csrfToken)
}, { additionalProperties: false })
