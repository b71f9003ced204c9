package report

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Save writes dir/<day>-<commit>[-name][-n].json and .md and returns their path without the
// ending. n counts from 2 the runs of the same day, commit and name: a result that was
// written is never changed.
func (r *Report) Save(dir, name string) (string, error) {
	base := r.Day() + "-" + r.Commit
	if name != "" {
		base += "-" + Slug(name)
	}
	base = filepath.Join(dir, base)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for n := 1; ; n++ {
		stem := base
		if n > 1 {
			stem = fmt.Sprintf("%s-%d", base, n)
		}
		// A result may be there as Markdown alone: the name is taken all the same.
		if _, err := os.Lstat(stem + ".md"); err == nil {
			continue
		}
		err := create(stem+".json", r.WriteJSON)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		return stem, create(stem+".md", r.WriteMarkdown)
	}
}

// create writes a new file.
func create(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

// Slug makes a name for a file: lower case letters, digits and single dashes.
func Slug(name string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(name) {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			b.WriteRune(c)
		} else if s := b.String(); s != "" && !strings.HasSuffix(s, "-") {
			b.WriteByte('-')
		}
	}
	return strings.TrimSuffix(b.String(), "-")
}

// Newest returns the newest of the reports in dir with a table of that name, and its file.
func Newest(dir, table string) (*Report, string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, "", err
	}
	var newest *Report
	var name string
	for _, file := range files {
		r, err := ReadFile(file)
		if err != nil {
			return nil, "", err
		}
		if r.Table(table) != nil && (newest == nil || r.Date > newest.Date) {
			newest, name = r, file
		}
	}
	if newest == nil {
		return nil, "", fmt.Errorf("no report in %s has a table %q", dir, table)
	}
	return newest, name, nil
}
