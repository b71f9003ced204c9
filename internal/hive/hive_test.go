package hive

import (
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestParse(t *testing.T) {
	f := func(text string, want Key, wantErr string) {
		t.Helper()
		got, err := Parse(text)
		if wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), wantErr) {
				t.Errorf("%q: error %v", text, err)
			}
		} else if err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	f("country", Key{"country", Value, "country"}, "")
	f(" country ", Key{"country", Value, "country"}, "")
	f("date(created_at)", Key{"day", Date, "created_at"}, "")
	f("Month( created_at )", Key{"month", Month, "created_at"}, "")
	f("hour(emitted_at)", Key{"hour", Hour, "emitted_at"}, "")
	f("dt=date(created at)", Key{"dt", Date, "created at"}, "")
	f("land=country", Key{"land", Value, "country"}, "")
	f("", Key{}, "names no field")
	f("day()", Key{}, "names no field")
	f("=country", Key{}, "no name in front of the =")
	f("week(created_at)", Key{}, `"week" is no function`)
}

func TestParseAll(t *testing.T) {
	if keys, err := ParseAll([]string{"country", "year(at)", "month(at)"}); err != nil || len(keys) != 3 {
		t.Error(keys, err)
	}
	if _, err := ParseAll([]string{"date(a)", "Day(b)"}); err == nil || !strings.Contains(err.Error(), `two keys have the name "day"`) {
		t.Error(err)
	}
	if _, err := ParseAll([]string{"a", "A=b"}); err == nil || !strings.HasSuffix(err.Error(), "as in other=b") {
		t.Error(err)
	}
	if _, err := ParseAll([]string{"Country", "country"}); err == nil {
		t.Error("names that differ in their case alone were taken")
	}
}

func TestAppendTime(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for f, want := range map[Func]string{Value: "2026-01-02", Date: "2026-01-02", Year: "2026", Month: "01", Day: "02", Hour: "03"} {
		if got := (&Key{Func: f}).AppendTime(nil, at); string(got) != want {
			t.Errorf("%v: %s", f, got)
		}
	}
}

func TestAppendValue(t *testing.T) {
	for text, want := range map[string]string{"NULL": "%4EULL", "null": "%6Eull", "a/b": "a%2Fb", "NULLS": "NULLS", "": ""} {
		if got := string(AppendValue(nil, []byte(text))); got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
}

func FuzzAppendEscaped(f *testing.F) {
	f.Add("a/b=c%20 d\x00é+&")
	f.Fuzz(func(t *testing.T, text string) {
		got := string(AppendEscaped(nil, text))
		back, err := url.PathUnescape(got)
		if err != nil || back != text {
			t.Fatalf("%q became %q, and then %q, %v", text, got, back, err)
		}
		if utf8.ValidString(text) && strings.ContainsAny(got, "/=:\\\x00") {
			t.Fatalf("%q", got)
		}
	})
}
