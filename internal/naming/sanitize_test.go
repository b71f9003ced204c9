package naming_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sluice-data/sluice/internal/naming"
)

func TestSanitize(t *testing.T) {
	f := func(name, want string) {
		t.Helper()
		if got := naming.Sanitize(name); got != want {
			t.Errorf("Sanitize(%q): got %q, want %q", name, got, want)
		}
	}
	f("", "")
	f("users", "users")
	f("Users_2", "Users_2")
	f("fake-namespace", "fake-namespace")
	f("namespace/", "namespace_")
	f("a/b//c", "a_b__c")
	f("stream-with:spécial:character_names", "stream-with:special:character_names")
	f("!_.*')(&$@=;:+,?-", "!_.*')(&$@=;:+,?-")
	f("a b\tc\nd", "a_b_c_d")
	f(`\"#%<>[]^{|}~`+"`", "______________")
	// Accents go, whether they are one character with their letter or one of their own.
	f("é", "e")
	f("e\u0301", "e")
	f("\u0301\u0302", "")
	f("Ünïcödé", "Unicode")
	// Letters that are no others with an accent.
	f("øÆß", "___")
	f("日本", "__")
	f("ﬁ①Ⅷ", "fi1VIII")
	f("👍", "_")
	f("👍🏽", "__")
	f("a\u200bb", "a_b")
	f("a\x00b", "a_b")
	f("a\xffb\xfe", "a_b_")
	// What has a meaning in a path.
	f(".", "_")
	f("..", "__")
	f("...", "___")
	f("…", "___") // compatible with three dots
	f("．．", "__")
	f(".\u0301.", "__")
	f("／", "_")
	f("../x", ".._x")
	f(".a", ".a")
	f("a..", "a..")
}

func FuzzSanitize(f *testing.F) {
	for _, name := range []string{"users", "..", "…", "a/b", "é", "e\u0301", "\xff", "👍", "ø", "．／", "\u0344", "㎥"} {
		f.Add(name)
	}
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!_.*')(&$@=;:+,?-"
	f.Fuzz(func(t *testing.T, name string) {
		got := naming.Sanitize(name)
		for _, c := range got {
			if !strings.ContainsRune(allowed, c) {
				t.Fatalf("Sanitize(%q): got %q with %q", name, got, c)
			}
		}
		if got != "" && strings.Trim(got, ".") == "" {
			t.Fatalf("Sanitize(%q): got %q", name, got)
		}
		if again := naming.Sanitize(got); again != got {
			t.Fatalf("Sanitize(%q): got %q, and of that %q", name, got, again)
		}
		if strings.IndexFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 && len(got) != len(name) {
			t.Fatalf("Sanitize(%q): got %q, of another length", name, got)
		}
	})
}

func TestCleanPath(t *testing.T) {
	f := func(path, want string) {
		t.Helper()
		if got := naming.CleanPath(path); got != want {
			t.Errorf("CleanPath(%q): got %q, want %q", path, got, want)
		}
	}
	f("", "")
	f("/", "")
	f("//", "")
	f("a", "a")
	f("a/b c/ü", "a/b c/ü") // it is nobody's business what else is in it
	f("/a//b///c/", "a/b/c")
}
