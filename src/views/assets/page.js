// Enhances pages with JavaScript. All of them work without it.

// Shows times in the reader's time zone. Without JavaScript they stay in UTC, and say so.
const local = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' })

for (const time of document.querySelectorAll('time[datetime]')) {
  time.textContent = local.format(new Date(time.dateTime))
}

// Shows that a slow form is being sent, and sends it once. Its button is not disabled, so that it keeps the focus.
for (const form of document.querySelectorAll('form[data-busy]')) {
  const button = form.querySelector('button')
  form.addEventListener('submit', (event) => {
    if (button.getAttribute('aria-disabled')) return event.preventDefault()
    button.setAttribute('aria-disabled', 'true')
    form.querySelector('[role="status"]').textContent = form.dataset.busy
  })
}

// Copies a text. Browsers allow the clipboard only on https and localhost; elsewhere the text is selected.
for (const button of document.querySelectorAll('button[data-copy]')) {
  button.hidden = false
  button.addEventListener('click', async () => {
    const text = document.getElementById(button.dataset.copy)
    const status = document.getElementById(`${button.dataset.copy}-copied`)
    try {
      await navigator.clipboard.writeText(text.textContent)
      status.textContent = 'Copied.'
    } catch {
      window.getSelection().selectAllChildren(text)
      status.textContent = 'Selected: copy it with Ctrl+C, or ⌘C on a Mac.'
    }
  })
}
