package typed

import "math"

// moment is a date and a time as they are written.
type moment struct {
	days   int64 // since 1970-01-01
	micros int64 // of the day
	offset int64 // microseconds that the clock is ahead of UTC
	cut    bool  // there were digits past the microseconds
}

const (
	second = 1_000_000 // in microseconds
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// maxDays is how far from 1970 a timestamp may be, so that it fits whatever its time and zone are.
const maxDays = math.MaxInt64/day - 2

// date reads days: a date, or the date of a timestamp.
func (m *moment) date(text []byte) (days int64, found verdict) {
	if !m.parse(text) {
		return 0, mismatch
	}
	if m.micros != 0 || m.cut {
		return m.days, truncated
	}
	return m.days, exact
}

// timestamp reads microseconds since 1970, in UTC or as the clock has them.
func (m *moment) timestamp(text []byte, utc bool) (micros int64, found verdict) {
	if !m.parse(text) {
		return 0, mismatch
	}
	if m.days > maxDays || m.days < -maxDays {
		return 0, tooLarge
	}
	if m.cut {
		found = truncated
	}
	micros = m.days*day + m.micros
	if utc {
		micros -= m.offset
	}
	return micros, found
}

// time reads microseconds of the day.
func (m *moment) time(text []byte, utc bool) (micros int64, found verdict) {
	rest, ok := m.clock(text)
	if ok {
		rest, ok = m.zone(rest)
	}
	if !ok || len(rest) > 0 {
		return 0, mismatch
	}
	if m.cut {
		found = truncated
	}
	if micros = m.micros; utc {
		micros = (micros - m.offset + day) % day
	}
	return micros, found
}

// parse reads all of a text: the date, and the time if it is there.
func (m *moment) parse(text []byte) bool {
	year, rest, ok := parseYear(text)
	if !ok || len(rest) < len("-01-02") || rest[0] != '-' || rest[3] != '-' {
		return false
	}
	month, monthly := two(rest[1:])
	mday, daily := two(rest[4:])
	rest = rest[6:]
	if len(rest) > 3 && (rest[0] == 'T' || rest[0] == 't' || rest[0] == ' ' && rest[1] != 'B') {
		if rest, ok = m.clock(rest[1:]); ok {
			rest, ok = m.zone(rest)
		}
	}
	if string(rest) == " BC" {
		year, rest = 1-year, nil // there is no year 0 in these
	}
	if !ok || !monthly || !daily || len(rest) > 0 || month < 1 || month > 12 || mday < 1 || mday > daysIn(year, month) {
		return false
	}
	m.days = daysSince1970(year, month, mday)
	return true
}

// parseYear reads four to six digits, perhaps with a sign.
func parseYear(text []byte) (year int64, rest []byte, ok bool) {
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		year, rest, ok = parseYear4(text[1:])
		if text[0] == '-' {
			year = -year
		}
		return year, rest, ok
	}
	return parseYear4(text)
}

func parseYear4(text []byte) (year int64, rest []byte, ok bool) {
	i := 0
	for i < len(text) && i < 6 && text[i]-'0' <= 9 {
		year = year*10 + int64(text[i]-'0')
		i++
	}
	return year, text[i:], i >= 4
}

// two reads two digits.
func two(text []byte) (x int64, ok bool) {
	a, b := text[0]-'0', text[1]-'0'
	return int64(a)*10 + int64(b), a <= 9 && b <= 9
}

// clock reads hours and minutes, and seconds and what is behind their point if these are there.
func (m *moment) clock(text []byte) (rest []byte, ok bool) {
	if len(text) < len("15:04") || text[2] != ':' {
		return nil, false
	}
	hours, hourly := two(text)
	minutes, inTime := two(text[3:])
	if !hourly || !inTime || hours > 23 || minutes > 59 {
		return nil, false
	}
	m.micros = hours*hour + minutes*minute
	text = text[5:]
	if len(text) < len(":05") || text[0] != ':' {
		return text, true
	}
	seconds, ok := two(text[1:])
	if !ok || seconds > 59 {
		return nil, false
	}
	m.micros += seconds * second
	text = text[3:]
	if len(text) > 1 && (text[0] == '.' || text[0] == ',') {
		return m.fraction(text[1:])
	}
	return text, true
}

// fraction reads the digits behind the point of the seconds.
func (m *moment) fraction(text []byte) (rest []byte, ok bool) {
	unit := int64(second)
	i := 0
	for ; i < len(text) && text[i]-'0' <= 9; i++ {
		digit := int64(text[i] - '0')
		unit /= 10
		m.micros += digit * unit
		m.cut = m.cut || unit == 0 && digit > 0
	}
	return text[i:], i > 0
}

// zone reads the offset from UTC, if there is one: Z, +01, +0100, +01:00, or even +00:53:28, which
// clocks had before there were zones.
func (m *moment) zone(text []byte) (rest []byte, ok bool) {
	if len(text) == 0 {
		return text, true
	}
	if text[0] == 'Z' || text[0] == 'z' {
		return text[1:], true
	}
	if text[0] == ' ' && len(text) > 1 && text[1] != 'B' {
		text = text[1:]
	}
	if text[0] != '+' && text[0] != '-' {
		return text, true // what is left may be " BC"
	}
	sign := int64(1)
	if text[0] == '-' {
		sign = -1
	}
	text = text[1:]
	for _, unit := range [...]int64{hour, minute, second} {
		part := text
		if unit != hour && len(part) > 0 && part[0] == ':' {
			part = part[1:]
		}
		if len(part) < 2 || part[0]-'0' > 9 {
			return text, unit != hour
		}
		x, ok := two(part)
		if !ok || x > 59 || unit == hour && x > 23 {
			return nil, false
		}
		m.offset += sign * x * unit
		text = part[2:]
	}
	return text, true
}

// daysIn is how many days a month has.
func daysIn(year, month int64) int64 {
	if month == 2 {
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 30 + (month+month>>3)&1
}

// daysSince1970 counts days by the calendar of today, also where there was another one. Years begin in
// March, so that the odd day is a year's last.
func daysSince1970(year, month, mday int64) int64 {
	const (
		earlier   = 400 * 2500 // years that keep all below positive
		days400   = 146_097
		before    = days400 * 2500
		untilThis = 719_468 // days to 1970-01-01 from 0000-03-01
	)
	year += earlier
	if month -= 3; month < 0 {
		month += 12
		year--
	}
	return year*365 + year/4 - year/100 + year/400 + (month*153+2)/5 + mday - 1 - before - untilThis
}

// ParseTime reads a date, or a timestamp as columns do, as microseconds since 1970 in UTC.
func ParseTime(text []byte) (micros int64, ok bool) {
	var m moment
	micros, found := m.timestamp(text, true)
	return micros, found == exact || found == truncated
}
