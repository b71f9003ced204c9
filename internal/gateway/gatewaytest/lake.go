package gatewaytest

import (
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/internal/gateway"
)

// Path is where Config has tables written: the s3_bucket_path.
const Path = "lake"

// Config writes a config that leads to the gateway's bucket into a file of the test, and returns
// its name. The format's options, and more settings over all, may be nil.
func Config(tb testing.TB, g *gateway.Gateway, format, more map[string]any) string {
	tb.Helper()
	csv := map[string]any{"format_type": "CSV"}
	for key, v := range format {
		csv[key] = v
	}
	all := map[string]any{
		"s3_bucket_name": g.Bucket, "s3_bucket_path": Path, "s3_bucket_region": g.Region, "s3_endpoint": g.Endpoint,
		"access_key_id": g.AccessKey, "secret_access_key": g.SecretKey, "format": csv,
	}
	for key, v := range more {
		all[key] = v
	}
	raw, err := json.Marshal(all)
	if err != nil {
		tb.Fatal(err)
	}
	file := filepath.Join(tb.TempDir(), "config.json")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		tb.Fatal(err)
	}
	return file
}

// Keys are the objects of a table in the gateway's bucket, as file names, in their order.
func Keys(tb testing.TB, g *gateway.Gateway, table string) []string {
	tb.Helper()
	keys, err := filepath.Glob(filepath.Join(g.DataDir, g.Bucket, Path, table, "*.csv*"))
	if err != nil {
		tb.Fatal(err)
	}
	slices.Sort(keys)
	return keys
}

// Rows reads all rows of a table, each by the names of its object's header.
func Rows(tb testing.TB, g *gateway.Gateway, table string) []map[string]string {
	tb.Helper()
	var rows []map[string]string
	for _, key := range Keys(tb, g, table) {
		all, err := readObject(key)
		if err != nil || len(all) < 2 {
			tb.Fatalf("%s has %d lines and the error %v", key, len(all), err)
		}
		for _, cells := range all[1:] {
			row := map[string]string{}
			for i, name := range all[0] {
				row[name] = cells[i]
			}
			rows = append(rows, row)
		}
	}
	return rows
}

func readObject(file string) ([][]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(file, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			return nil, err
		}
	}
	return csv.NewReader(in).ReadAll()
}
