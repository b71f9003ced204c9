package avro

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/format/typed"
)

// oracle says what a reader must find, the slow way: encoding/json, math/big and package time, as the
// library that reads our objects gives values.
type oracle struct {
	changes []format.Change
	dropped int // or kept among the undeclared
}

// How a type takes a value.
const (
	exactly = iota
	cut
	large
	never
)

// value is what a nullable value becomes, and tells of what is lost.
func (o *oracle) value(t *typed.Type, path string, raw json.RawMessage) any {
	if string(raw) == "null" || raw == nil {
		return nil
	}
	v, fits := o.of(t, path, raw)
	if fits != exactly {
		o.changes = append(o.changes, format.Change{Field: path, Truncated: fits == cut, Size: fits != never})
	}
	if fits > cut {
		return nil
	}
	return v
}

func (o *oracle) of(t *typed.Type, path string, raw json.RawMessage) (any, int) {
	var s string
	quoted := json.Unmarshal(raw, &s) == nil && raw[0] == '"'
	text := string([]rune(string(raw))) // each bad byte is a character of its own
	if quoted {
		text = s
	}
	switch t.Kind {
	case typed.JSON:
		return string([]rune(string(raw))), exactly
	case typed.String:
		return text, exactly
	case typed.Record:
		return o.record(t, path, raw)
	case typed.Array:
		var items []json.RawMessage
		if raw[0] != '[' || json.Unmarshal(raw, &items) != nil {
			return nil, never
		}
		list := []any{}
		for _, item := range items {
			list = append(list, o.value(t.Items, path, item))
		}
		return list, exactly
	case typed.Union:
		return o.union(t, path, raw)
	case typed.Boolean:
		if low := strings.ToLower(text); low == "true" || low == "false" {
			return low == "true", exactly
		}
		return nil, never
	case typed.Long, typed.Decimal, typed.Double:
		return number(t, text, quoted)
	}
	if !quoted {
		return nil, never
	}
	if t.Kind == typed.Bytes {
		plain := strings.NewReplacer("-", "+", "_", "/").Replace(text)
		for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding} {
			if b, err := e.DecodeString(plain); err == nil && (e == base64.StdEncoding || !strings.ContainsAny(plain, "\r\n")) {
				return b, exactly
			}
		}
		return nil, never
	}
	return moment(t, text)
}

func (o *oracle) record(t *typed.Type, path string, raw json.RawMessage) (any, int) {
	var members map[string]json.RawMessage
	if raw[0] != '{' || json.Unmarshal(raw, &members) != nil {
		return nil, never
	}
	record := map[string]any{}
	fields := t.Fields
	if t.Open {
		fields = fields[:len(fields)-1]
	}
	for _, f := range fields {
		record[f.Name] = o.value(f.Type, path+"."+f.Name, members[f.Name])
		delete(members, f.Name)
	}
	if t.Open {
		record[format.UndeclaredColumn] = nil
		if len(members) > 0 {
			record[format.UndeclaredColumn] = members
		}
	}
	o.dropped += len(members)
	return record, exactly
}

func (o *oracle) union(t *typed.Type, path string, raw json.RawMessage) (best any, found int) {
	found = never
	var taken oracle
	for _, b := range t.Branches {
		if !strings.Contains(map[typed.Kind]string{
			typed.Record: "{", typed.Array: "[", typed.Boolean: "tf", typed.Long: "-0123456789", typed.Decimal: "-0123456789", typed.Double: "-0123456789",
			typed.String: `"`, typed.Bytes: `"`, typed.Date: `"`, typed.Time: `"`, typed.Timestamp: `"`, typed.LocalTimestamp: `"`,
		}[b.Kind], string(raw[0])) {
			continue
		}
		var try oracle
		v, fits := try.of(b, path, raw)
		if fits == exactly && len(try.changes) == 0 && try.dropped == 0 {
			return v, exactly
		}
		if found > cut && fits < found {
			best, found, taken = v, fits, try
		}
	}
	if found <= cut {
		o.changes, o.dropped = append(o.changes, taken.changes...), o.dropped+taken.dropped
	}
	return best, found
}

var numeric = regexp.MustCompile(`^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?$`)

// number is a number as a fraction, if its exponent is one that a person would write. Of others it is
// enough to know that they are huge, or tiny.
func number(t *typed.Type, text string, quoted bool) (any, int) {
	parts := numeric.FindStringSubmatch(text)
	if parts == nil || parts[2]+parts[3] == "" {
		special := map[string]float64{"NaN": math.NaN(), "Infinity": math.Inf(1), "+Infinity": math.Inf(1), "-Infinity": math.Inf(-1)}
		if f, ok := special[text]; ok && quoted && t.Kind == typed.Double {
			return f, exactly
		}
		return nil, never
	}
	exponent := 0
	if parts[4] != "" {
		var err error
		if exponent, err = strconv.Atoi(parts[4]); err != nil {
			exponent = map[bool]int{true: -1e9, false: 1e9}[parts[4][0] == '-']
		}
	}
	digits := parts[2] + parts[3]
	exponent = max(min(exponent-len(parts[3]), 3000), -3000-len(digits))
	whole, _ := new(big.Int).SetString(digits, 10)
	power := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exponent, -exponent))), nil))
	if exponent < 0 {
		power.Inv(power)
	}
	x := new(big.Rat).Mul(new(big.Rat).SetInt(whole), power)
	if parts[1] == "-" {
		x.Neg(x)
	}
	switch t.Kind {
	case typed.Long:
		if !x.IsInt() {
			return nil, never
		}
		if !x.Num().IsInt64() {
			return nil, large
		}
		return x.Num().Int64(), exactly
	case typed.Double:
		return double(x, text)
	}
	return decimalOf(t, x)
}

func double(x *big.Rat, text string) (any, int) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, large
	}
	shortest, _ := new(big.Rat).SetString(strconv.FormatFloat(f, 'e', -1, 64))
	if shortest.Cmp(x) != 0 {
		return f, cut
	}
	return f, exactly
}

func decimalOf(t *typed.Type, x *big.Rat) (any, int) {
	ten := func(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }
	scaled := new(big.Rat).Mul(x, new(big.Rat).SetInt(ten(t.Scale)))
	whole, rest := new(big.Int).QuoRem(scaled.Num(), scaled.Denom(), new(big.Int))
	if half := new(big.Int).Abs(new(big.Int).Lsh(rest, 1)).Cmp(scaled.Denom()); half > 0 || half == 0 && whole.Bit(0) == 1 {
		whole.Add(whole, big.NewInt(int64(x.Sign())))
	}
	if whole.CmpAbs(ten(t.Precision)) >= 0 {
		return nil, large
	}
	fits := exactly
	if rest.Sign() != 0 {
		fits = cut
	}
	return new(big.Rat).SetFrac(whole, ten(t.Scale)), fits
}

var (
	dated = regexp.MustCompile(`^([+-]?[0-9]{4,6})-([0-9]{2})-([0-9]{2})(?:[Tt ]([0-9:.,]{5,})( ?[+-][0-9:]{2,}|[Zz])?)?( BC)?$`)
	clock = regexp.MustCompile(`^([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?$`)
	timed = regexp.MustCompile(`^([0-9:.,]{5,})( ?[+-][0-9:]{2,}|[Zz])?$`)
	zone  = regexp.MustCompile(`^ ?([+-])([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2}))?)?$`)
)

// timeOfDay is the time, and what the clock is ahead of UTC.
func timeOfDay(text, offset string) (of, ahead time.Duration, fits int) {
	c := clock.FindStringSubmatch(text)
	if c == nil || c[1] > "23" || c[2] > "59" || c[3] > "59" {
		return 0, 0, never
	}
	of, _ = time.ParseDuration(c[1] + "h" + c[2] + "m" + map[bool]string{true: c[3] + "s"}[c[3] != ""])
	micros := (c[4] + "000000")[:6]
	if len(c[4]) > 6 && strings.Trim(c[4][6:], "0") != "" {
		fits = cut
	}
	n, _ := strconv.Atoi(micros)
	of += time.Duration(n) * time.Microsecond
	if offset != "" && !strings.EqualFold(offset, "z") {
		z := zone.FindStringSubmatch(offset)
		if z == nil || z[2] > "23" || z[3] > "59" || z[4] > "59" {
			return 0, 0, never
		}
		ahead, _ = time.ParseDuration(z[1] + z[2] + "h" + (z[3] + "00")[:2] + "m" + (z[4] + "00")[:2] + "s")
	}
	return of, ahead, fits
}

func moment(t *typed.Type, text string) (any, int) {
	if t.Kind == typed.Time {
		parts := timed.FindStringSubmatch(text)
		if parts == nil {
			return nil, never
		}
		of, ahead, fits := timeOfDay(parts[1], parts[2])
		if t.Zoned {
			of = (of - ahead + 24*time.Hour) % (24 * time.Hour)
		}
		return of, fits
	}
	parts := dated.FindStringSubmatch(text)
	if parts == nil {
		return nil, never
	}
	year, _ := strconv.Atoi(parts[1])
	if parts[6] != "" {
		year = 1 - year
	}
	month, _ := strconv.Atoi(parts[2])
	mday, _ := strconv.Atoi(parts[3])
	at := time.Date(year, time.Month(month), mday, 0, 0, 0, 0, time.UTC)
	if at.Day() != mday || int(at.Month()) != month {
		return nil, never
	}
	var of, ahead time.Duration
	fits := exactly
	if parts[4] != "" {
		if of, ahead, fits = timeOfDay(parts[4], parts[5]); fits == never {
			return nil, never
		}
	}
	if t.Kind == typed.Date {
		if of > 0 {
			fits = cut
		}
		return at, fits
	}
	if days := at.Unix() / 86400; days > 106_751_989 || days < -106_751_989 { // what microseconds reach
		return nil, large
	}
	if at = at.Add(of); t.Kind == typed.Timestamp {
		at = at.Add(-ahead)
	}
	return at, fits
}

// same compares what was read with what must be read.
func same(got, want any) bool {
	switch want := want.(type) {
	case *big.Rat:
		x, ok := got.(*big.Rat)
		return ok && x.Cmp(want) == 0
	case float64:
		x, ok := got.(float64)
		return ok && (x == want || x != x && want != want)
	case time.Time:
		x, ok := got.(time.Time)
		return ok && x.Equal(want)
	case []byte:
		x, ok := got.([]byte)
		return ok && bytes.Equal(x, want)
	case map[string]json.RawMessage: // undeclared members
		var x map[string]json.RawMessage
		text, ok := got.(string)
		if !ok || json.Unmarshal([]byte(text), &x) != nil || len(x) != len(want) {
			return false
		}
		for key, v := range want {
			if string(x[key]) != string([]rune(string(v))) {
				return false
			}
		}
		return true
	case map[string]any:
		x, ok := got.(map[string]any)
		if !ok || len(x) != len(want) {
			return false
		}
		for key, v := range want {
			if !same(x[key], v) {
				return false
			}
		}
		return true
	case []any:
		x, ok := got.([]any)
		if !ok || len(x) != len(want) {
			return false
		}
		for i := range want {
			if !same(x[i], want[i]) {
				return false
			}
		}
		return true
	}
	return got == want
}
