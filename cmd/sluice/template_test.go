package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/sink"
)

// layouts are ways to name objects: a key of the stream users of an earlier time, names near it that
// are not its own, and what the new ones look like.
var layouts = []struct {
	name   string
	config fields
	old    string
	near   []string
	want   string
}{
	{
		"stable", fields{"s3_path_format": "${NAMESPACE}/${STREAM_NAME}/", "file_name_pattern": "part-{part_number}{format_extension}"},
		"data/users/part-7.csv", []string{"data/users/part-7.csv.bak", "data/users/part-07.csv", "data/users/old/part-7.csv", "data/users_archive/part-7.csv", "data/users/2021_01_01_1609541171643_0.csv"},
		`^data/users/part-([89]|[12]\d)\.csv$`,
	},
	{
		"directories", fields{"s3_path_format": "${STREAM_NAME}/${YEAR}/${MONTH}/${DAY}/${EPOCH}_"},
		"data/users/2021/01/01/1609541171643_0.csv", []string{"data/users/2021/01/1609541171643_0.csv", "data/users/2021/1/01/1609541171643_0.csv", "data/users_archive/2021/01/01/1609541171643_0.csv", "data/users/2021/01/01/x"},
		`^data/users/20\d\d/\d\d/\d\d/\d{13}_\d\.csv$`,
	},
	{
		"sync_id", fields{"s3_bucket_path": "data/${STREAM_NAME}", "s3_path_format": "v1/", "file_name_pattern": "{date:yyyy-MM}_{sync_id}{format_extension}"},
		"data/users/v1/2021-01_3.csv", []string{"data/users/v1/2021-01_3-1.csv", "data/users/v2/2021-01_3.csv", "data/users_archive/v1/2021-01_3.csv", "data/v1/2021-01_3.csv"},
		`^data/users/v1/20\d\d-\d\d_42(~\d+)?\.csv$`,
	},
	{
		"flat", fields{"s3_path_format": "${STREAM_NAME}_${YEAR}", "file_name_pattern": "-{timestamp:micros}{format_extension}"},
		"data/users_2021-1609541171643000.csv", []string{"data/users_2021-1609541171643.csv", "data/users_2021_2021-1609541171643000.csv", "data/users_archive_2021-1609541171643000.csv", "data/users_2021-1609541171643000/x"},
		`^data/users_20\d\d-\d{16}\.csv$`,
	},
	{
		"fixed", fields{"s3_path_format": "${STREAM_NAME}", "file_name_pattern": ".csv"}, // a file that never varies
		"data/users.csv", []string{"data/users-1.csv", "data/users.csv-1", "data/users/x.csv", "data/users.1.csv", "data/users_archive.csv"},
		`^data/users~\d+\.csv$`,
	},
}

// TestTemplates appends and refreshes under each of them: names are as they were asked for, never
// taken, and a full refresh deletes the stream's objects of all times and nothing else.
func TestTemplates(t *testing.T) {
	t.Parallel()
	for _, c := range layouts {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			inBoth(t, func(t *testing.T, at *target) {
				at.config = at.with(c.config)
				at.put(nil, c.old)
				at.put(nil, c.near...)
				at.put(nil, "data/README.txt")
				kept := append(slices.Clone(c.near), "data/README.txt")
				run := func(what, mode string, n int, rows ...string) {
					t.Helper()
					j := job{config: fields{"file_size_mb": 0.0005}, streams: []stream{{name: "users", mode: mode, sync: 42, schema: idSchema}, {name: "users_archive", sync: 42}}}
					at.sync(j, numbered("users", 0, n)...).ok()
					var got, own []string
					for _, key := range at.keys() {
						switch text := at.get(key); {
						case key == c.old:
							got = append(got, "old")
						case strings.HasPrefix(text, "old "):
							own = append(own, key)
						case !regexp.MustCompile(c.want).MatchString(key):
							t.Errorf("%s: the object %s should have a name like %s", what, key, c.want)
						default:
							got = append(got, strings.Repeat("row ", strings.Count(text, "\n"))) // without a header
						}
					}
					same(t, what+": objects that are not the stream's", sorted(own), sorted(kept))
					same(t, what+": the stream's", strings.Fields(strings.Join(sorted(got), " ")), rows)
				}
				at.config["format"] = fields{"format_type": "CSV", "header": false}
				rows := func(n int) []string { return slices.Repeat([]string{"row"}, n) }
				run("append", "append", 20, append([]string{"old"}, rows(20)...)...)
				run("append again", "append", 5, append([]string{"old"}, rows(25)...)...)
				run("refresh", "overwrite", 12, rows(12)...)
				run("refresh again", "overwrite", 3, rows(3)...)
				run("empty", "overwrite", 0, rows(0)...)
			})
		})
	}
}

func sorted(all []string) []string { return slices.Sorted(slices.Values(all)) }

// TestTemplatesRefused: what can't tell two streams apart, or needs what the catalog does not have, is
// refused before anything is done.
func TestTemplatesRefused(t *testing.T) {
	ofTexts(t)
	t.Parallel()
	at := inDirectory(t)
	at.put(nil, "data/users/0.csv")
	f := func(config fields, streams []stream, want ...string) {
		t.Helper()
		at.sync(job{config: config, streams: streams}).failed(2, "config_error", want...)
		same(t, "objects", at.keys(), []string{"data/users/0.csv"})
	}
	two := []stream{{name: "users", mode: "overwrite"}, {name: "orders", mode: "overwrite"}}
	f(fields{"s3_path_format": "${YEAR}/"}, two, `"users"`, `"orders"`, "data/${YEAR}/{part_number}{format_extension}", "${STREAM_NAME}")
	f(fields{"s3_path_format": "${STREAM_NAME}/"}, []stream{{name: "users"}, {name: "users", namespace: "n"}}, `"users"`, `"n.users"`, "${NAMESPACE}")
	f(fields{"s3_path_format": "${NAMESPACE}_${STREAM_NAME}/"}, []stream{{name: "c", namespace: "a_b"}, {name: "b_c", namespace: "a"}}, `"a_b.c"`, `"a.b_c"`, "the same key")
	f(fields{"s3_path_format": "${STREAM_NAME}${YEAR}"}, []stream{{name: "users"}}, "s3_path_format", "${STREAM_NAME} stands beside a number")
	f(fields{"s3_path_format": "${STREAM_NAME}_${NAMESPACE}_${EPOCH}_"}, []stream{{name: "users", namespace: "x_y"}, {name: "users_x", namespace: "y"}}, `"x_y.users"`, `"y.users_x"`)
	f(fields{"file_name_pattern": "{sync_id}_{part_number}"}, []stream{{name: "users"}}, "users", "{sync_id}", "the catalog has no sync_id")
	f(fields{"s3_path_format": "${STREAM_NAME}/${FOO}/"}, two, "s3_path_format", "${FOO}", "${EPOCH}")
	f(fields{"file_name_pattern": "{part_number}{Foo}"}, two, "file_name_pattern", "{Foo}", "{format_extension}")
	f(fields{"file_name_pattern": strings.Repeat("x", 1100) + "{part_number}"}, two, "users", "limit of 1024")
	f(fields{"file_name_pattern": strings.Repeat("x", 900) + "{part_number}{sync_id}"}, two, "file_name_pattern", "side by side")
}

// TestTemplatesSeen: check writes below what streams have in common; ls and gc know the streams by their names
// in the template, and what was written before there was one.
func TestTemplatesSeen(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		at.config = at.with(fields{"s3_path_format": "raw/${YEAR}/${NAMESPACE}/${STREAM_NAME}/", "file_name_pattern": "part-{part_number}{format_extension}"})
		at.check(nil).ok()
		at.put(sink.Metadata{"rows": "3"}, "data/raw/2020/public/users/part-0.csv", "data/raw/2021/public/users/part-1.csv", "data/raw/2021/orders/part-3.csv.gz",
			"data/raw/archive/users/2021_01_01_1609541171643_0.csv", "data/raw/2021/public/users/part-x.csv")
		at.begin(nil, "data/raw/2021/public/users/part-2.csv")
		size := regexp.MustCompile(`\d+ B `)
		f := func(want []string, args ...string) {
			t.Helper()
			var got []string
			for _, line := range at.ask("ls", append(args, "--metadata")...).ok().table() {
				if strings.Contains(line, "TIME TIME") {
					got = append(got, size.ReplaceAllString(line, ""))
				}
			}
			same(t, strings.Join(args, " "), got, want)
		}
		f([]string{"archive/users 1 3 none none TIME TIME 0", "orders 1 3 none none TIME TIME 0", "public/users 2 6 none none TIME TIME 1"})
		f([]string{"public/users 2 6 none none TIME TIME 1"}, "--stream", "public/users")
		for _, want := range []string{
			`{"type":"stream","directory":"data/raw","namespace":"public","stream":"users","objects":2,`,
			`"key":"data/raw/2021/public/users/part-2.csv"`,
		} {
			at.ask("ls", "--json").ok(want)
		}
		at.ask("gc", "--older-than", "0s", "--yes").failed(0, "--older-than")
		if left := at.ask("ls", "--json"); strings.Contains(left.out, "part-2.csv") {
			t.Errorf("gc has left the upload:\n%s", left.out)
		}
	})
}
