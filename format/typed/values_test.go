package typed

import (
	"testing"

	"github.com/sluice-data/sluice/format"
)

// checkValues returns a function for one-line cases: what a column x of this type makes of a value.
func checkValues(t *testing.T, schema string) func(value, want string) {
	return checkNumbers(t, schema, "")
}

func checkNumbers(t *testing.T, schema, numbers string) func(value, want string) {
	n, err := ParseNumbers(numbers)
	if err != nil {
		t.Fatal(err)
	}
	return func(value, want string) {
		t.Helper()
		got := encode(t, format.Table{}, `{"properties":{"x":`+schema+`}}`, `{"x":`+value+`}`, n)
		if got != "x: "+want {
			t.Errorf("%s of %s\ngot  %s\nwant x: %s", value, schema, got, want)
		}
	}
}

func TestBooleans(t *testing.T) {
	f := checkValues(t, `{"type":"boolean"}`)
	f(`true`, `true`)
	f(`false`, `false`)
	f(`null`, `null`)
	f(`"true"`, `true`)
	f(`"False"`, `false`)
	f(`"TRUE"`, `true`)
	f(`1`, `null x:null`)
	f(`"yes"`, `null x:null`)
	f(`""`, `null x:null`)
	f(`[true]`, `null x:null`)
	f(`{}`, `null x:null`)
}

func TestLongs(t *testing.T) {
	f := checkValues(t, `{"type":["null","integer"]}`)
	f(`0`, `0`)
	f(`-0`, `0`)
	f(`7`, `7`)
	f(`-123456789012345678`, `-123456789012345678`)
	f(`999999999999999999`, `999999999999999999`)
	f(`9223372036854775807`, `9223372036854775807`)
	f(`-9223372036854775808`, `-9223372036854775808`)
	f(`9223372036854775808`, `null x:null,size`)
	f(`-9223372036854775809`, `null x:null,size`)
	f(`18446744073709551616`, `null x:null,size`)
	f(`9007199254740993`, `9007199254740993`)
	f(`123456789012345678901234567890`, `null x:null,size`)
	f(`1e3`, `1000`)
	f(`1.5E+1`, `15`)
	f(`10.0`, `10`)
	f(`120000e-4`, `12`)
	f(`0.0e5`, `0`)
	f(`1e18`, `1000000000000000000`)
	f(`1e19`, `null x:null,size`)
	f(`9.223372036854775807e18`, `9223372036854775807`)
	f(`1e999999999999999999999`, `null x:null,size`)
	f(`0e999999999999999999999`, `0`)
	f(`10.5`, `null x:null`)
	f(`1e-1`, `null x:null`)
	f(`1e-999999999999999999999`, `null x:null`)
	f(`"12"`, `12`)
	f(`"-12"`, `-12`)
	f(`"+12"`, `12`)
	f(`"007"`, `7`)
	f(`"1\u0032"`, `12`)
	f(`"12.00"`, `12`)
	f(`"9223372036854775808"`, `null x:null,size`)
	for _, bad := range []string{`""`, `"-"`, `"."`, `"12 "`, `"1_000"`, `"1,5"`, `"0x1f"`, `"1e"`, `"e5"`, `"1e5.5"`, `"1.2.3"`, `"NaN"`, `"twelve"`, `true`, `[1]`, `{"a":1}`, `"\ud800"`} {
		f(bad, `null x:null`)
	}
}

func TestDecimals(t *testing.T) {
	f := checkNumbers(t, `{"type":"number"}`, "decimal(38, 3)")
	f(`1`, `1.000`)
	f(`-1.5`, `-1.500`)
	f(`0.001`, `0.001`)
	f(`-0.0`, `0.000`)
	f(`1e2`, `100.000`)
	f(`123456789012345.678`, `123456789012345.678`)
	f(`12345678901234567890123456789012345.678`, `12345678901234567890123456789012345.678`)
	f(`-99999999999999999999999999999999999.999`, `-99999999999999999999999999999999999.999`)
	f(`99999999999999999999999999999999999.9994`, `99999999999999999999999999999999999.999 x:cut,size`)
	f(`99999999999999999999999999999999999.9996`, `null x:null,size`)
	f(`100000000000000000000000000000000000`, `null x:null,size`)
	f(`1e35`, `null x:null,size`)
	f(`1e34`, `10000000000000000000000000000000000.000`)
	f(`1.0000`, `1.000`)
	f(`1.0004`, `1.000 x:cut,size`)
	f(`1.0005`, `1.000 x:cut,size`)
	f(`1.0015`, `1.002 x:cut,size`)
	f(`-1.0015`, `-1.002 x:cut,size`)
	f(`1.00050000000000000000000000000000000000000001`, `1.001 x:cut,size`)
	f(`0.0005`, `0.000 x:cut,size`)
	f(`0.0006`, `0.001 x:cut,size`)
	f(`0.00009`, `0.000 x:cut,size`)
	f(`1e-999999999999`, `0.000 x:cut,size`)
	f(`5e-4`, `0.000 x:cut,size`)
	f(`15e-4`, `0.002 x:cut,size`)
	f(`0.000000000000000000000`, `0.000`)
	f(`"12.5"`, `12.500`)
	f(`".5"`, `0.500`)
	f(`"5."`, `5.000`)
	f(`"00000000000000000000000000000000000000000000000001.5"`, `1.500`)
	for _, bad := range []string{`"NaN"`, `"Infinity"`, `true`, `"abc"`, `""`, `[]`} {
		f(bad, `null x:null`)
	}
	f = checkValues(t, `{"type":"number"}`)
	f(`50000.0000000000000001`, `50000.000000000000000100`)
	f(`0.1`, `0.100000000000000000`)
	f(`99999999999999999999.999999999999999999`, `99999999999999999999.999999999999999999`)
	f(`123456789012345678.9`, `123456789012345678.900000000000000000`)
	f(`100000000000000000000`, `null x:null,size`)
	f = checkNumbers(t, `{"type":"number"}`, "decimal(18,2)")
	f(`9999999999999999.99`, `9999999999999999.99`)
	f(`-9999999999999999.99`, `-9999999999999999.99`)
	f(`-0.01`, `-0.01`)
	f(`10000000000000000`, `null x:null,size`)
	f(`1.005`, `1.00 x:cut,size`)
	f = checkNumbers(t, `{"type":"number"}`, "decimal(2,2)")
	f(`0.99`, `0.99`)
	f(`0`, `0.00`)
	f(`0.995`, `null x:null,size`)
	f(`1`, `null x:null,size`)
	f = checkValues(t, `{"type":"string","airbyte_type":"big_integer"}`)
	f(`"12345678901234567890123456789012345678"`, `12345678901234567890123456789012345678`)
	f(`123456789012345678901234567890123456789`, `null x:null,size`)
	f(`"2.5"`, `2 x:cut,size`)
}

func TestDoubles(t *testing.T) {
	f := checkNumbers(t, `{"type":"number"}`, "double")
	f(`1`, `1`)
	f(`-0.1`, `-0.1`)
	f(`0.1000`, `0.1`)
	f(`1e300`, `1e+300`)
	f(`123456789012345678`, `1.2345678901234568e+17 x:cut,size`)
	f(`123456789012345680`, `1.2345678901234568e+17`)
	f(`0.30000000000000004`, `0.30000000000000004`)
	f(`0.30000000000000002`, `0.30000000000000004 x:cut,size`)
	f(`9007199254740993`, `9.007199254740992e+15 x:cut,size`)
	f(`1e308`, `1e+308`)
	f(`1.7976931348623157e308`, `1.7976931348623157e+308`)
	f(`1e309`, `null x:null,size`)
	f(`5e-324`, `5e-324`)
	f(`4e-324`, `5e-324 x:cut,size`)
	f(`1e-400`, `0 x:cut,size`)
	f(`0e-400`, `0`)
	f(`"1.5"`, `1.5`)
	f(`"NaN"`, `NaN`)
	f(`"Infinity"`, `+Inf`)
	f(`"-Infinity"`, `-Inf`)
	for _, bad := range []string{`"inf"`, `"nan"`, `"0x1p3"`, `"1_0"`, `true`, `"abc"`} {
		f(bad, `null x:null`)
	}
}

func TestStrings(t *testing.T) {
	f := checkValues(t, `{"type":"string"}`)
	f(`""`, `""`)
	f(`"a"`, `"a"`)
	f(`"a text of more than thirty-two bytes, and a little more"`, `"a text of more than thirty-two bytes, and a little more"`)
	f(`"é\n\"\u00e9\ud83d\ude00"`, `"é\n\"é😀"`)
	f(`"\ud800x"`, `"�x" replaced:1`)
	f("\"a\xffb\"", `"a�b" replaced:1`)
	f(`12.50`, `"12.50"`)
	f(`true`, `"true"`)
	f(`{"a": [1]}`, `"{\"a\": [1]}"`)
	f("[\"\xff\"]", `"[\"�\"]" replaced:1`)
	f = checkNumbers(t, `{"type":"number"}`, "string")
	f(`1.0000000000000000000000000000000000000000000000000001e500`, `"1.0000000000000000000000000000000000000000000000000001e500"`)
	f = checkValues(t, `{}`)
	f(`"a"`, `"a"`)
	f(`"\u00e9\ud800"`, `"\u00e9\ud800"`)
	f("\"a\xff\"", `"a�" replaced:1`)
	f(`1.50`, `1.50`)
	f(`[1, {"b":null}]`, `[1, {"b":null}]`)
	f("{\"a\xff\":1}", `{"a�":1} replaced:1`)
	f(`null`, `null`)
}

func TestBytes(t *testing.T) {
	f := checkValues(t, `{"type":"string","contentEncoding":"base64"}`)
	f(`""`, `base64 `)
	f(`"AQI="`, `base64 AQI=`)
	f(`"AQI"`, `base64 AQI=`)
	f(`"-_8="`, `base64 +/8=`)
	f(`"-_8"`, `base64 +/8=`)
	f(`"\/\/8="`, `base64 //8=`)
	f(`"AQ\nI="`, `base64 AQI=`)
	f(`"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4\/"`,
		`base64 AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/`)
	f(`"no base64"`, `null x:null`)
	f(`"A"`, `null x:null`)
	f(`12`, `null x:null`)
}
