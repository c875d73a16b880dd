import { Type, type Static } from 'typebox'

/** A form sends its token in the body; so do the routes of the setup, also over JSON. */
export const csrfToken = Type.String({ description: 'The token from the hidden field of the page.' })

// No control characters: a database takes no NUL in a text.
const PRINTABLE = '^[^\\x00-\\x1f]+$'
const NOT_BLANK = '^[^\\x00-\\x1f]*[^\\s\\x00-\\x1f][^\\x00-\\x1f]*$'

const username = Type.String({
  title: 'Username',
  description: 'Letters, digits, - and _, no spaces. You sign in with it.',
  pattern: '^[A-Za-z0-9_\\-]+$',
  minLength: 1,
  maxLength: 64
})

/** What is asked of a new account: each rule is shown before it is broken, and repeated when it is. */
export const accountSchema = Type.Object({
  name: Type.String({ title: 'Name', description: 'As others see it.', pattern: NOT_BLANK, minLength: 1, maxLength: 128 }),
  username,
  email: Type.String({
    title: 'Email',
    description: 'An address such as ada@example.com.',
    format: 'email',
    pattern: '^[^\\s@\\x00-\\x1f]+@[^\\s@\\x00-\\x1f]+$',
    minLength: 3,
    maxLength: 254
  }),
  password: Type.String({
    title: 'Password',
    description: 'At least 8 characters. Longer is better than complicated.',
    format: 'password',
    minLength: 8,
    // Hashing costs work in proportion to the length: nobody sends a megabyte.
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
    maxLength: 64
  }),
  password: Type.String({
    title: 'Password',
    description: 'Enter the password of your account.',
    format: 'password',
    minLength: 1,
    maxLength: 1024
  }),
  _csrf: Type.Optional(csrfToken)
}, { additionalProperties: false })
