// Shows each moment in the time zone of the reader; without JavaScript it stays in UTC.
