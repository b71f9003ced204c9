package scan

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// AppendUnescaped appends the text of a JSON string (s: what stands between the quotes of
// a valid document) as UTF-8. Bytes that are no UTF-8 and surrogates without their partner
// become U+FFFD, as in encoding/json; replaced counts them.
func AppendUnescaped(dst, s []byte) (out []byte, replaced int) {
	for len(s) > 0 {
		i := bytes.IndexByte(s, '\\')
		if i < 0 {
			i = len(s)
		}
		var n int
		dst, n = AppendClean(dst, s[:i])
		replaced += n
		if s = s[i:]; len(s) == 0 {
			break
		}
		if s[1] != 'u' {
			dst = append(dst, escaped[s[1]])
			s = s[2:]
			continue
		}
		r, n := DecodeU(s)
		if r == utf8.RuneError && n < 0 {
			replaced++
			n = -n
		}
		dst = utf8.AppendRune(dst, r)
		s = s[n:]
	}
	return dst, replaced
}

// escaped maps the letter of a two-character escape to what it stands for.
var escaped = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// Hex4 reads the four hexadecimal digits at the start of s. It is negative if they are none.
func Hex4(s []byte) rune {
	return hexDigits[s[0]]<<12 | hexDigits[s[1]]<<8 | hexDigits[s[2]]<<4 | hexDigits[s[3]]
}

// hexDigits are the values of the digits, and -1 for other bytes.
var hexDigits = func() (values [256]rune) {
	for i := range values {
		values[i] = -1
	}
	for i := range 16 {
		values["0123456789abcdef"[i]] = rune(i)
		values["0123456789ABCDEF"[i]] = rune(i)
	}
	return values
}()

// DecodeU reads the \uXXXX escape at the start of s, or a pair of them that makes one
// character. It returns the character and the length of its escape, negative where a
// surrogate has no partner.
func DecodeU(s []byte) (rune, int) {
	r := Hex4(s[2:])
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
		if both := utf16.DecodeRune(r, Hex4(s[8:])); both != utf8.RuneError {
			return both, 12
		}
	}
	return utf8.RuneError, -6
}

// AppendClean appends s with each byte that is no UTF-8 replaced by U+FFFD.
func AppendClean(dst, s []byte) (out []byte, replaced int) {
	if utf8.Valid(s) {
		return append(dst, s...), 0
	}
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		if r == utf8.RuneError && n == 1 {
			replaced++
		}
		dst = utf8.AppendRune(dst, r)
		s = s[n:]
	}
	return dst, replaced
}

// Plain reports whether the text of a JSON string stands for itself: ASCII and no escape.
// (Other good UTF-8 stands for itself too; this is the quick test for the common case.)
func Plain(s []byte) bool {
	for _, c := range s {
		if c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
