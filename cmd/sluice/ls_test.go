package main

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/sink"
)

var instant = regexp.MustCompile(`\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z`)

// table returns the lines of an output, with one space between columns and "TIME" for times.
func (s *said) table() []string {
	var lines []string
	for line := range strings.Lines(s.out) {
		line = strings.Join(strings.Fields(instant.ReplaceAllString(line, "TIME")), " ")
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// lines reads an output of JSON lines, without what differs from run to run.
func (s *said) lines() []fields {
	s.t.Helper()
	var all []fields
	for line := range strings.Lines(s.out) {
		var v fields
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			s.t.Fatalf("%q: %v", line, err)
		}
		for _, name := range []string{"uploaded", "oldest", "newest", "began", "last_seen", "upload_id", "location"} {
			if text, ok := v[name].(string); ok && text != "" {
				v[name] = "..."
			}
		}
		all = append(all, v)
	}
	return all
}

// inParts makes an object of an upload, which can't say how many rows it has.
func (at *target) inParts(key string, meta sink.Metadata) {
	at.t.Helper()
	up, err := at.store.Create(at.t.Context(), key, meta)
	if err == nil {
		err = up.Part(at.t.Context(), sink.Part{Number: 1, Body: sink.NewBody(make([]byte, 2048))})
	}
	if err == nil {
		err = up.Complete(at.t.Context())
	}
	if err != nil {
		at.t.Fatal(err)
	}
}

// someStreams are the objects of TestLs, and neighbours that are not ours.
func someStreams(at *target) {
	at.t.Helper()
	users := stream{name: "users", namespace: "public", schema: idSchema, gen: 7, sync: 41}
	at.sync(job{config: flat(), streams: []stream{users, {name: "events", schema: idSchema}}},
		together([]string{`{"type":"RECORD","record":{"namespace":"public","stream":"users","emitted_at":1,"data":{"id":1}}}`}, numbered("events", 0, 1500))...).ok()
	at.inParts("data/public/users/2021_01_01_1609541171643_0.csv", sink.Metadata{"ab-generation-id": "6"})
	at.inParts("data/users_archive/2021_01_01_1609541171643_0.csv.gz", nil)
	at.put(nil, "data/users_archive/README.txt", "data/2021_01_01_1609541171643_0.csv", "data_2/users/2021_01_01_1609541171643_0.csv")
}

// TestLs looks at what syncs have written, and at its neighbours.
func TestLs(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		where := " has no objects of a sync."
		if s := at.ask("ls").ok(where); len(s.table()) != 1 {
			t.Errorf("an empty path: %q", s.out)
		}
		someStreams(at)
		f := func(want []string, args ...string) {
			t.Helper()
			got := at.ask("ls", args...).ok().table()
			// Sizes of what was synced depend on the ids, and the place on the machine.
			for i, line := range got {
				line = regexp.MustCompile(`^\S+/data: `).ReplaceAllString(line, "AT: ")
				got[i] = regexp.MustCompile(`[\d.]+ (KiB|B)\b`).ReplaceAllString(line, "SIZE")
			}
			same(t, strings.Join(args, " "), got, want)
		}
		f([]string{
			"STREAM OBJECTS SIZE OLDEST NEWEST UNFINISHED",
			"events 1 SIZE TIME TIME 0",
			"public/users 2 SIZE TIME TIME 0",
			"users_archive 1 SIZE TIME TIME 0",
			"AT: 3 streams, 4 objects, SIZE",
			"2 other objects (SIZE)",
		})
		f([]string{
			"STREAM OBJECTS SIZE ROWS GENERATIONS SYNC IDS OLDEST NEWEST UNFINISHED",
			"events 1 SIZE 1,500 none none TIME TIME 0",
			"public/users 2 SIZE at least 1 6, 7 41, none TIME TIME 0",
			"users_archive 1 SIZE unknown none none TIME TIME 0",
			"AT: 3 streams, 4 objects, SIZE",
			"2 other objects (SIZE)",
		}, "--metadata")
		synced := strings.TrimPrefix(at.keysIn("data/public/users")[1], "data/")
		f([]string{
			"UPLOADED SIZE ROWS GENERATION SYNC ID OBJECT",
			"TIME SIZE unknown 6 none data/public/users/2021_01_01_1609541171643_0.csv",
			"TIME SIZE 1 7 41 data/" + synced,
			"STREAM OBJECTS SIZE ROWS GENERATIONS SYNC IDS OLDEST NEWEST UNFINISHED",
			"public/users 2 SIZE at least 1 6, 7 41, none TIME TIME 0",
			"AT: 1 stream, 2 objects, SIZE",
		}, "--metadata", "--objects", "--stream", "users")
		f([]string{
			"UPLOADED SIZE OBJECT",
			"TIME SIZE data/users_archive/2021_01_01_1609541171643_0.csv.gz",
			"STREAM OBJECTS SIZE OLDEST NEWEST UNFINISHED",
			"users_archive 1 SIZE TIME TIME 0",
			"AT: 1 stream, 1 object, SIZE",
			"1 other object (SIZE)",
		}, "--objects", "--stream", "users_archive")
		at.ask("ls", "--stream", "nobody").ok("has no stream nobody", "Without --stream")
	})
}

// TestLsJSON is the shape that scripts read.
func TestLsJSON(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		const key = "data/public/users/2021_01_01_1609541171643_0.csv"
		at.put(sink.Metadata{"rows": "3", "ab-generation-id": "7"}, key)
		at.put(nil, "data/x")
		at.begin(nil, "data/events/2021_01_01_1609541171643_1.csv")
		total := fields{"type": "total", "location": "...", "streams": 2.0, "objects": 1.0, "bytes": 52.0, "unfinished_uploads": 1.0,
			"other_objects": 1.0, "other_bytes": 10.0, "other_unfinished_uploads": 0.0}
		events := fields{"type": "stream", "directory": "data/events", "namespace": "", "stream": "events", "objects": 0.0, "bytes": 0.0,
			"oldest": nil, "newest": nil, "unfinished_uploads": 1.0}
		users := fields{"type": "stream", "directory": "data/public/users", "namespace": "public", "stream": "users", "objects": 1.0, "bytes": 52.0,
			"oldest": "...", "newest": "...", "unfinished_uploads": 0.0}
		upload := fields{"type": "upload", "directory": "data/events", "namespace": "", "stream": "events",
			"key": "data/events/2021_01_01_1609541171643_1.csv", "upload_id": "...", "began": "...", "last_seen": "...", "bytes": nil, "state": "in use"}
		same(t, "lines", at.ask("ls", "--json").ok().lines(), []fields{events, users, upload, total})

		object := fields{"type": "object", "directory": "data/public/users", "namespace": "public", "stream": "users", "key": key, "bytes": 52.0, "uploaded": "...",
			"metadata": fields{"rows": 3.0, "generation": 7.0, "sync_id": nil}}
		none := fields{"values": []any{}, "more": false, "objects_without": 0.0}
		events["metadata"] = fields{"rows": 0.0, "rows_exact": true, "generations": none, "sync_ids": none}
		users["metadata"] = fields{"rows": 3.0, "rows_exact": true, "generations": fields{"values": []any{7.0}, "more": false, "objects_without": 0.0},
			"sync_ids": fields{"values": []any{}, "more": false, "objects_without": 1.0}}
		same(t, "lines with metadata", at.ask("ls", "--json", "--objects", "--metadata").ok().lines(), []fields{object, events, users, upload, total})
	})
}

// TestLsPages has more than two pages, and asks for no metadata without being told to.
func TestLsPages(t *testing.T) {
	t.Parallel()
	at, proxy := throughProxy(t)
	at.place(oldKeys("data/users", 2100)...)
	at.put(sink.Metadata{"rows": "2"}, oldKeys("data/users_archive", 5)...)
	at.ask("ls").ok("users          2,100", "users_archive  5", "2 streams, 2,105 objects")
	if n := proxy.count("HeadObject"); n != 0 || proxy.count("ListObjectsV2") != 3 {
		t.Errorf("%d objects were asked for, in %d pages; want none, in 3", n, proxy.count("ListObjectsV2"))
	}
	s := at.ask("ls", "--stream", "users", "--objects").ok("1 stream, 2,100 objects")
	if n := strings.Count(s.out, "data/users/"); n != 2100 {
		t.Errorf("%d objects are listed", n)
	}
	s = at.ask("ls", "--stream", "users_archive", "--objects", "--metadata").ok("10", "1 stream, 5 objects")
	if n := strings.Count(s.out, "data/users_archive/"); n != 5 || proxy.count("HeadObject") != 5 {
		t.Errorf("%d objects, %d requests for their metadata", n, proxy.count("HeadObject"))
	}
}

// count is the number of requests of a kind so far.
func (p *proxy) count(op string) int {
	return len(slices.DeleteFunc(p.requests(), func(r request) bool { return r.op != op }))
}

// TestLsNamesTheRight takes away one right after the other. Who may not list uploads sees the rest.
func TestLsNamesTheRight(t *testing.T) {
	t.Parallel()
	f := func(op string, code int, want string, args ...string) *said {
		t.Helper()
		at, proxy := throughProxy(t)
		at.put(nil, "data/users/2021_01_01_1609541171643_0.csv")
		proxy.deny(op)
		return at.ask("ls", args...).failed(code, "sluice ls: ", want)
	}
	f("ListObjectsV2", 2, "s3:ListBucket")
	f("HeadObject", 2, "s3:GetObject", "--metadata")
	s := f("ListMultipartUploads", 0, "warning: the credentials may not list unfinished uploads: ")
	same(t, "table", s.table()[1], "users 1 45 B TIME TIME unknown")
	s = f("ListMultipartUploads", 0, "s3:ListBucketMultipartUploads", "--json")
	if got := s.lines(); got[0]["unfinished_uploads"] != nil || got[1]["unfinished_uploads"] != nil {
		t.Errorf("got %s", s.out)
	}
}

// TestLsNames: a directory may have a name that a terminal would obey.
func TestLsNames(t *testing.T) {
	t.Parallel()
	at := inDirectory(t)
	at.put(nil, "data/\x1b[31mred/2021_01_01_1609541171643_0.csv")
	at.ask("ls", "--objects").ok(`"\x1b[31mred"`).without("\x1b")
}
