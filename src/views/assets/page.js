// What pages do better with JavaScript. Each of them works without.

// Shows each moment in the time zone of the reader. Without JavaScript it stays in UTC, and says so.
const local = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' })

for (const time of document.querySelectorAll('time[datetime]')) {
  time.textContent = local.format(new Date(time.dateTime))
}

// A form that takes a while says so, and is sent once. Its button keeps the focus, so it is not disabled.
for (const form of document.querySelectorAll('form[data-busy]')) {
  const button = form.querySelector('button')
  form.addEventListener('submit', (event) => {
    if (button.getAttribute('aria-disabled')) return event.preventDefault()
    button.setAttribute('aria-disabled', 'true')
    form.querySelector('[role="status"]').textContent = form.dataset.busy
  })
}

// Copies a text. Browsers offer the clipboard to pages on https and localhost alone; elsewhere the text is selected.
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
