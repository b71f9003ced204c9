package sinktest

import (
	"fmt"
	"slices"

	"github.com/sluice-data/sluice/sink"
)

func testList(e *env) {
	names := []string{
		"users/2024_01_01_1_0.csv",
		"users/2024_01_01_1_1.csv",
		"users/2024_01_02_2_0.csv",
		"users/Zulu",
		"users/archive/2024_01_01_1_0.csv",
		"users/archive/old/deep.csv",
		"users_archive/2024_01_01_1_0.csv",
		"users.csv",
		"usual",
	}
	for i, name := range names {
		e.put(name, content(int64(i), name), sink.Metadata{"a": "b"})
	}
	e.wantList("users/", names[0], names[1], names[2], names[3])
	e.wantList("users/2024_", names[0], names[1], names[2])
	e.wantList("users/2024_01_01_1_", names[0], names[1])
	e.wantList("users/2024_01_01_1_1.csv", names[1])
	e.wantList("users/archive")
	e.wantList("users/archive/", names[4])
	e.wantList("users/archive/old/", names[5])
	e.wantList("users_")
	e.wantList("users_archive/", names[6])
	e.wantList("us", "users.csv", "usual")
	e.wantList("", "users.csv", "usual")
	e.wantList("nothing/")
	e.wantList("users/2024_01_01_1_0.csv/")
	e.wantListAfter("users/", "users/2024_01_01_1_0.csv", names[1], names[2], names[3])
	e.wantListAfter("users/", "users/2024_01_01_1_0", names[0], names[1], names[2], names[3])
	e.wantListAfter("users/", "users/2024_01_02", names[2], names[3])
	e.wantListAfter("users/", "users", names[0], names[1], names[2], names[3])
	e.wantListAfter("users/2024_", "users/2024_01_02_2_0.csv")
	e.wantListAfter("users/", "users/Zulu")
	e.wantListAfter("users/", "zebra")
	for info, err := range e.store.List(e.ctx, e.key("users/2024_01_02"), "") {
		if err != nil || info.Size != 2 || info.Modified.IsZero() {
			e.Errorf("List: got %+v and %v, want 2 bytes and a time", info, err)
		}
	}
}

func testListEarlyEnd(e *env) {
	for i := range 3 {
		e.put(fmt.Sprint(i), nil, nil)
	}
	seen := 0
	for _, err := range e.store.List(e.ctx, e.prefix, "") {
		if err != nil {
			e.Fatal(err)
		}
		seen++
		break
	}
	if seen != 1 {
		e.Errorf("got %d objects before the end, want 1", seen)
	}
}

// testManyObjects has more than two pages of a bucket, to list and to delete.
func testManyObjects(e *env) {
	const n = 2_100
	var want, keys []string
	for i := range n {
		name := fmt.Sprintf("many/%04d", i)
		want, keys = append(want, name), append(keys, e.key(name))
	}
	e.parallel(n, func(i int) error {
		return e.store.Put(e.ctx, keys[i], sink.NewBody([]byte{'x'}), nil)
	})
	e.put("many/0100-below/x", nil, nil)
	e.put("many_more", nil, nil)
	e.wantListAfter("many/", "many/1049", want[1050:]...)
	if got := e.list("many/"); !slices.Equal(got, want) {
		e.Errorf("List: got %d objects, want the %d that were put", len(got), n)
	}
	e.wantList("many/209", want[2090:]...)

	for i := range n {
		keys = append(keys, fmt.Sprintf("%smany/missing-%04d", e.prefix, i))
	}
	if err := e.store.Delete(e.ctx, keys...); err != nil {
		e.Fatalf("Delete: %v", err)
	}
	e.wantList("many/")
	e.wantList("many/0100-below/", "many/0100-below/x")
	e.wantList("many", "many_more")
}

func testDelete(e *env) {
	if err := e.store.Delete(e.ctx); err != nil {
		e.Errorf("Delete of nothing: %v", err)
	}
	e.put("a/b/c", []byte("x"), nil)
	e.put("a/b/d", []byte("x"), nil)
	for range 2 {
		if err := e.store.Delete(e.ctx, e.key("a/b/c"), e.key("a"), e.key("a/b"), e.key("a/x/y"), e.key("a/b/d/e")); err != nil {
			e.Errorf("Delete: %v", err)
		}
	}
	e.wantNone("a/b/c")
	e.wantObject("a/b/d", []byte("x"), nil)
	if err := e.store.Delete(e.ctx, e.key("a/b/d")); err != nil {
		e.Errorf("Delete: %v", err)
	}
	e.wantList("a/b/")
	// Nothing of the directories is in the way of an object with their name.
	e.put("a", []byte("now an object"), nil)
	e.wantObject("a", []byte("now an object"), nil)
}
