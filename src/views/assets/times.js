// Shows each moment in the time zone of the reader. Without JavaScript it stays in UTC, and says so.
const local = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' })

for (const time of document.querySelectorAll('time[datetime]')) {
  time.textContent = local.format(new Date(time.dateTime))
}
