package sink

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// FuzzKeys: every name that we give is one that we know again, whatever the directory; and no
// key that is there already is given out.
func FuzzKeys(f *testing.F) {
	for i, taken := range []string{
		"", "0.csv", "0.csv\n1.csv\n3.csv.gz", "007.csv\n+1.csv\n-2.csv", "99999999999999999999.csv\n9223372036854775807.csv",
		"0\n.csv\n1.\n2.csv.gz.bak", "٣.csv\n0x1.csv\n1_000.csv\n2_0.csv",
	} {
		f.Add("p/users", int64(1609541171643+i), taken, "csv.gz")
		f.Add("../a\nb/", int64(i), taken, "parquet")
	}
	f.Fuzz(func(t *testing.T, dir string, at int64, names, extension string) {
		const year10000 = 253402300800000 // and later years have five digits
		keys := &Keys{Dir: dir, UploadAt: time.UnixMilli(int64(uint64(at) % year10000)), Extension: extension}
		var taken []string
		for name := range strings.SplitSeq(names, "\n") {
			for _, key := range []string{keys.Prefix() + name, dir + "/" + name, name} {
				taken = append(taken, key)
				keys.Take(key)
				ownOrNot(t, dir, key)
			}
		}
		known := Own(dir, dir+"/2021_01_01_1_0."+extension)
		last := -1
		for i := range 20 {
			if i%3 == 2 { // somebody is quicker
				taken = append(taken, fmt.Sprint(keys.Prefix(), last+1, ".", extension))
				keys.Take(taken[len(taken)-1])
			}
			key := keys.Next()
			stamp, id := splitKey(key)
			switch {
			case slices.Contains(taken, key):
				t.Fatalf("%q is given out, and is taken", key)
			case known && (dir+"/"+stamp != keys.Prefix() || !Own(dir, key)):
				t.Fatalf("%q is not known again: stamp %q, want %q", key, stamp, keys.Prefix())
			case known && id <= last:
				t.Fatalf("%q comes behind the id %d", key, last)
			}
			last = id
			taken = append(taken, key)
		}
	})
}

// ownOrNot compares Own with another way to say what our names are, and splitKey with what
// such a name has in it.
func ownOrNot(t *testing.T, dir, key string) {
	t.Helper()
	stamp, id := splitKey(key)
	got := Own(dir, key)
	if want := saysOwn(dir, key); got != want {
		t.Fatalf("Own(%q, %q) is %v, want %v", dir, key, got, want)
	}
	if !got {
		return
	}
	name := key[len(dir)+1:]
	digits, extension, _ := strings.Cut(strings.TrimPrefix(name, stamp), ".")
	if n, err := strconv.Atoi(digits); err == nil && n != id || strings.Count(stamp, "_") != 4 || stamp+digits+"."+extension != name {
		t.Fatalf("%q is split into %q and %d", key, stamp, id)
	}
}

// saysOwn is Own without a regular expression.
func saysOwn(dir, key string) bool {
	if !strings.HasPrefix(key, dir+"/") {
		return false
	}
	base, extension, _ := strings.Cut(key[len(dir)+1:], ".")
	parts := strings.Split(base, "_")
	for _, p := range parts {
		if p == "" || strings.Trim(p, "0123456789") != "" {
			return false
		}
	}
	kind, compression, compressed := strings.Cut(extension, ".")
	return len(parts) == 5 && len(parts[0]) == 4 && len(parts[1]) == 2 && len(parts[2]) == 2 &&
		slices.Contains([]string{"csv", "jsonl", "avro", "parquet"}, kind) &&
		(!compressed || compression == "gz" || compression == "zst")
}

// FuzzReplaces: only what Replaces writes is read, so that nothing is deleted by a rule that
// nobody has made.
func FuzzReplaces(f *testing.F) {
	for _, rule := range []string{"all", "", "all ", "generations below 7", "generations below +7", "generations below 07", "generations below -0", "generations below ", "generations below 9223372036854775808"} {
		f.Add(rule, int64(len(rule)))
	}
	f.Fuzz(func(t *testing.T, rule string, n int64) {
		if least, ok := replaces(rule); ok && Replaces(least) != rule {
			t.Fatalf("%q is read as %q", rule, Replaces(least))
		}
		if least, ok := replaces(Replaces(&n)); !ok || least == nil || *least != n {
			t.Fatalf("%q is read as %v, %v", Replaces(&n), fmt.Sprint(least), ok)
		}
	})
}
