package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/sink"
)

// unfinished are uploads of two streams, and foreign ones that are not ours to abort.
var unfinished = []string{
	"data/public/users/2021_01_01_1609541171643_0.csv", "data/public/users/2021_01_01_1609541171643_1.csv", "data/events/2021_01_02_1609541171644_0.csv.gz",
}

var foreign = []string{
	"data/2021_01_01_1609541171643_0.csv", "data/users/README.txt", "data/users/2021_01_01_1609541171643_0.csv.bak", "data_2/users/2021_01_01_1609541171643_0.csv",
}

// left demands these unfinished uploads.
func (at *target) left(keys ...string) {
	at.t.Helper()
	got, want := at.uploads(), append([]string{}, keys...)
	slices.Sort(got)
	slices.Sort(want)
	same(at.t, "unfinished uploads", got, want)
}

func TestGC(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		at.ask("gc").ok("nothing to abort (--older-than 24h)")
		at.begin(nil, unfinished...)
		at.begin(nil, foreign...)
		all := slices.Concat(unfinished, foreign)

		// They are all of this minute: a sync may be using them.
		at.ask("gc", "--yes").ok("nothing to abort (--older-than 24h)", "left alone: 3 unfinished uploads of syncs that were seen alive less than 24h ago", "left alone: 3 other unfinished uploads")
		at.ask("ls").ok("a sync may be using it", "3 other unfinished uploads").without("stale")
		at.left(all...)

		const warning = "sluice gc: warning: with --older-than 0s the uploads of a running sync may be among these"
		s := at.ask("gc", "--older-than", "0s").failed(0, warning)
		contains(t, "the dry run", s.out, "3 unfinished uploads would be aborted, which frees 9 B", "Nothing was done yet", "--older-than 0s --yes", "ago", unfinished[0], unfinished[1], unfinished[2])
		at.left(all...)

		s = at.ask("gc", "--older-than", "0s", "--yes").failed(0, warning)
		contains(t, "the output", s.out, "3 unfinished uploads aborted, which freed 9 B", "aborted "+unfinished[2])
		at.left(foreign...)
		at.ask("gc").ok("nothing to abort")
	})
}

// TestGCOld has uploads of several ages, in a store whose clock can be set back.
func TestGCOld(t *testing.T) {
	t.Parallel()
	at := inDirectory(t)
	old := func(key string, hours int) {
		at.begin(nil, key)
		began := time.Now().Add(-time.Duration(hours) * time.Hour)
		records, err := filepath.Glob(filepath.Join(at.root, ".sluice/uploads/*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range records {
			if raw, err := os.ReadFile(name); err != nil || !strings.Contains(string(raw), key) {
				continue
			}
			record := fmt.Sprintf(`{"key":%q,"started":%q}`, key, began.UTC().Format(time.RFC3339))
			if err := os.WriteFile(name, []byte(record), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(strings.TrimSuffix(name, ".json")+".part", began, began); err != nil {
				t.Fatal(err)
			}
		}
	}
	key := func(day, id int) string {
		return fmt.Sprintf("data/users/2021_01_%02d_16095411716%02d_%d.csv", day, day, id)
	}
	old(key(1, 0), 50)
	old(key(2, 0), 25)
	old(key(3, 0), 23)
	old(key(4, 0), 50) // of a sync that began another upload lately
	old(key(4, 1), 1)
	at.ask("ls").ok("2d 2h ago", "1d 1h ago", "23h 0m ago", "stale: sluice gc aborts it")
	at.ask("gc", "--older-than", "48h").ok("1 unfinished upload would be aborted", "--older-than 48h --yes").without("warning")
	at.ask("gc").ok("2 unfinished uploads would be aborted", "3 unfinished uploads of syncs that were seen alive less than 24h ago").without("--older-than", "warning")
	at.ask("gc", "--yes").ok("2 unfinished uploads aborted")
	at.left(key(3, 0), key(4, 0), key(4, 1))
}

// TestGCProof leaves the upload that tells of a half shown full refresh, and the next sync then
// puts it right.
func TestGCProof(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		key := func(id int) string {
			return fmt.Sprintf("data/users/%s_%d_%d.csv", time.Now().UTC().Format("2006_01_02"), 1609541171643, id)
		}
		set := sink.Metadata{sink.MetaSet: filepath.Base(key(0)), sink.MetaReplaces: "all"}
		at.begin(set, key(0), key(2))
		at.put(set, key(1))
		s := at.ask("gc", "--older-than", "0s", "--yes")
		contains(t, "the output", s.out, "1 unfinished upload aborted", "left alone: "+key(0), "shown only in part. The next sync of that stream puts it right")
		at.left(key(0))
		if _, s3 := at.config["access_key_id"]; s3 {
			return
		}
		long := time.Now().Add(-2 * time.Hour)
		if err := os.Chtimes(filepath.Join(at.root, key(1)), long, long); err != nil {
			t.Fatal(err)
		}
		at.sync(job{streams: []stream{{name: "users"}}}, record("users", `{"id":1}`)).ok()
		if slices.Contains(at.keys(), key(1)) {
			t.Errorf("%s of a table that was shown in part is still there", key(1))
		}
	})
}

// TestGCFails: what can't be aborted is told, and the rest goes on.
func TestGCFails(t *testing.T) {
	t.Parallel()
	f := func(code int, refuse func(*proxy), want ...string) *target {
		t.Helper()
		at, proxy := throughProxy(t)
		at.begin(nil, unfinished...)
		refuse(proxy)
		at.ask("gc", "--older-than", "0s", "--yes").failed(code, want...)
		return at
	}
	f(1, func(p *proxy) {
		p.refuse("AbortMultipartUpload", "public/users/2021_01_01_1609541171643_0", -1, 403, "AccessDenied")
	},
		"sluice gc: "+unfinished[0]+": the credentials may not abort an upload: ", "it takes the right s3:AbortMultipartUpload",
		"sluice gc: 1 of 3 unfinished uploads could not be aborted").left(unfinished[0])
	f(1, func(p *proxy) { p.deny("AbortMultipartUpload") }, unfinished[2], "3 of 3 unfinished uploads").left(unfinished...)
	f(2, func(p *proxy) { p.deny("ListMultipartUploads") }, "it takes the right s3:ListBucketMultipartUploads").left(unfinished...)
	f(1, func(p *proxy) { p.deny("ListObjectsV2") }, unfinished[0]+" is left alone", "s3:ListBucket", "3 uploads could not be looked at").left(unfinished...)
	// Who may not list parts does not learn how much is freed, and needs not.
	f(0, func(p *proxy) { p.deny("ListParts") }).left()
	f(0, func(p *proxy) { p.refuse("AbortMultipartUpload", "", 2, 503, "SlowDown") }, "trying again").left()
}

// TestGCPages: this server lists no more than a page of uploads. Who aborts it gets further.
func TestGCPages(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	keys := oldKeys("data/users", 1100)
	var group errgroup.Group
	group.SetLimit(16)
	for _, key := range keys {
		group.Go(func() error {
			_, err := at.store.Create(t.Context(), key, nil)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	s := at.ask("ls").failed(0, "sluice ls: warning: could not list unfinished uploads")
	contains(t, "the output of ls", s.out, "at least 1,000")
	s = at.ask("gc", "--older-than", "0s", "--yes").failed(1, "there may be more than these: run it again")
	contains(t, "the output", s.out, "1,000 unfinished uploads aborted")
	s = at.ask("gc", "--older-than", "0s", "--yes").failed(0)
	contains(t, "the output", s.out, "100 unfinished uploads aborted")
	at.clean()
}
