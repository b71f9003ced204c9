package sink

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Sanitize turns a stream's or a namespace's name into one path element, by the rules of
// Airbyte's S3 destination since 0.2.12: accents go (NFKD, then all marks), and what is
// not a character that S3 calls safe becomes "_". Two things differ on purpose: a "/"
// becomes "_" as well, because a stream is one directory, and a name of dots only ("..")
// becomes underscores, because a path means something else by it.
func Sanitize(name string) string {
	var b strings.Builder
	dots := true
	for _, r := range norm.NFKD.String(name) {
		if unicode.Is(unicode.M, r) {
			continue
		}
		if !safe(r) {
			r = '_'
		}
		dots = dots && r == '.'
		b.WriteRune(r)
	}
	if dots {
		return strings.Repeat("_", b.Len())
	}
	return b.String()
}

func safe(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return true
	}
	return strings.ContainsRune("!_.*')(&$@=;:+,?-", r)
}

// CleanPath is a bucket path without the slashes that it may have too many, at its ends or
// in a row.
func CleanPath(bucketPath string) string {
	var parts []string
	for p := range strings.SplitSeq(bucketPath, "/") {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, "/")
}

// Dir is the directory of a stream, without a "/" at its end. A blank namespace is left
// out.
func Dir(bucketPath, namespace, stream string) (string, error) {
	var parts []string
	if path := CleanPath(bucketPath); path != "" {
		parts = append(parts, path)
	}
	if space := Sanitize(namespace); space != "" && strings.TrimSpace(namespace) != "" {
		parts = append(parts, space)
	}
	name := Sanitize(stream)
	if name == "" {
		return "", fmt.Errorf("the stream name %q has no character that can stand in a key", stream)
	}
	return strings.Join(append(parts, name), "/"), nil
}

// Keys names the objects of one stream in one sync:
//
//	<directory>/<yyyy_MM_dd>_<epoch millis>_<partition id>.<extension>
//
// Date and time are UTC and the same for every object of the sync. Partition ids count
// from 0; those of objects that exist already are left out.
type Keys struct {
	Dir       string
	UploadAt  time.Time
	Extension string

	once   sync.Once
	prefix string

	mu    sync.Mutex
	next  int
	taken map[int]bool
}

// Prefix is what all keys of the sync begin with.
func (k *Keys) Prefix() string {
	k.once.Do(func() {
		t := k.UploadAt.UTC()
		k.prefix = fmt.Sprintf("%s/%s_%d_", k.Dir, t.Format(dateLayout), t.UnixMilli())
	})
	return k.prefix
}

const dateLayout = "2006_01_02"

// splitKey splits the key of an object of ours into what the objects of a sync have in
// common, and the partition id.
func splitKey(key string) (stamp string, id int) {
	name, _, _ := strings.Cut(key[strings.LastIndexByte(key, '/')+1:], ".")
	i := strings.LastIndexByte(name, '_')
	id, _ = strconv.Atoi(name[i+1:])
	return name[:i+1], id
}

// Stamp is what the names of all objects of a sync begin with, in all directories: when it
// began. It is for keys that are Own.
func Stamp(key string) string {
	stamp, _ := splitKey(key)
	return stamp
}

// Next returns the key of the next object.
func (k *Keys) Next() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	for k.taken[k.next] {
		k.next++
	}
	key := k.Prefix() + strconv.Itoa(k.next) + "." + k.Extension
	k.next++
	return key
}

// Take leaves out the partition id of a key that exists, if it is one of this sync's.
func (k *Keys) Take(key string) {
	rest, ok := strings.CutPrefix(key, k.Prefix())
	if !ok {
		return
	}
	digits, _, _ := strings.Cut(rest, ".")
	if id, err := strconv.Atoi(digits); err == nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.taken == nil {
			k.taken = map[int]bool{}
		}
		k.taken[id] = true
	}
}

// ownName is the name of every object that this destination has ever written, with any of
// its formats and compressions.
var ownName = regexp.MustCompile(`^\d{4}_\d{2}_\d{2}_\d+_\d+\.(csv|jsonl|avro|parquet)(\.gz|\.zst)?$`)

// Own reports whether key names an object that a destination wrote into the directory of a
// stream: directly inside it and with our own name. All else, a neighbour directory with
// the same beginning or a file that a person put there, is not ours to touch.
func Own(dir, key string) bool {
	name, ok := strings.CutPrefix(key, dir+"/")
	return ok && ownName.MatchString(name)
}

// logName is the name of an object that a worker has written of a partition of a log: see the
// package kafka.
var logName = regexp.MustCompile(`^.+_[0-9a-f]{8}_\d{5,}_\d{20}\.(csv|jsonl|avro|parquet)(\.gz|\.zst)?$`)

// OwnOrLog reports whether key names an object that a destination or a worker wrote into the
// directory of a stream. A full refresh touches only the former.
func OwnOrLog(dir, key string) bool {
	name, ok := strings.CutPrefix(key, dir+"/")
	return ok && (ownName.MatchString(name) || logName.MatchString(name))
}

// CheckKey says why a store can't take keys of this directory, or nil.
func CheckKey(dir string, limits Properties) error {
	const longestName = 64 // of an object inside it
	if limits.MaxKey > 0 && len(dir)+longestName > limits.MaxKey {
		return fmt.Errorf("its directory %q has %d bytes: with the file name that is over the store's limit of %d", dir, len(dir), limits.MaxKey)
	}
	for name := range strings.SplitSeq(dir, "/") {
		if limits.MaxName > 0 && len(name) > limits.MaxName {
			return fmt.Errorf("its directory has a part of %d bytes (%.32s...), which is over the store's limit of %d", len(name), name, limits.MaxName)
		}
	}
	if dir == "" {
		return errors.New("its directory is empty")
	}
	return nil
}
