package kafkatorture

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// finding is what the auditor in Python says. It knows Kafka, S3, and what is in the journal.
type finding struct {
	Offsets  int      `json:"offsets"` // that hold a record which is a row
	Rows     int      `json:"rows"`
	Lost     int      `json:"lost"`
	Doubled  int      `json:"doubled"`
	Alien    int      `json:"alien"`    // rows of no offset, of a barrier or of what is no row
	Overlaps int      `json:"overlaps"` // objects that reach into the next one
	Early    int      `json:"early_states"`
	Letters  int      `json:"bad_dead_letters"`
	What     []string `json:"what"`
}

func (f *finding) broken() bool {
	return f.Lost+f.Doubled+f.Alien+f.Overlaps+f.Early+f.Letters > 0
}

// journal is what the auditor is told: where to look, and what was there when each STATE came.
type journal struct {
	Brokers   string   `json:"brokers"`
	Topics    []string `json:"topics"`
	Identity  string   `json:"identity"` // how a row tells which record it is: offset, uuid, content
	Endpoint  string   `json:"endpoint"`
	Bucket    string   `json:"bucket"`
	Path      string   `json:"path"`
	AccessKey string   `json:"access_key"`
	SecretKey string   `json:"secret_key"`
	Region    string   `json:"region"`
	States    []told   `json:"states"`
}

// told is a STATE that came out: the rows in front of it, and the objects that had come up
// since the one before.
type told struct {
	Front string         `json:"front"`
	Rows  map[string]int `json:"rows"`
	Keys  []string       `json:"keys"`
}

func (r *round) journal() *journal {
	j := &journal{
		Brokers: strings.Join(r.cluster.addresses(), ","), Topics: r.topics(), Identity: "offset",
		Endpoint: r.gw.Endpoint, Bucket: r.bucket.name, Path: dir,
		AccessKey: r.gw.AccessKey, SecretKey: r.gw.SecretKey, Region: r.gw.Region,
	}
	switch {
	case r.Naive:
		j.Identity = "content"
	case r.Envelope:
		j.Identity = "uuid"
	}
	j.States = []told{}
	all := r.emitted()
	slices.SortStableFunc(all, func(a, b emission) int { return a.seen - b.seen })
	from := 0
	for _, e := range all {
		t := told{Front: front(e.front), Rows: map[string]int{}, Keys: r.bucket.since(from, e.seen)}
		for i, s := range streams {
			t.Rows[s.name] = e.mark.rows[i]
		}
		from = e.seen
		j.States = append(j.States, t)
	}
	return j
}

// audit has the auditor look. Its exit code says only whether it could.
func (r *round) audit(ctx context.Context) (*finding, error) {
	raw, err := json.Marshal(r.journal())
	if err != nil {
		return nil, err
	}
	file := filepath.Join(r.scratch, "journal.json")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, r.opts.Python, r.opts.Auditor, file)
	cmd.Env = environment()
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("the auditor: %w\n%s", err, said.String())
	}
	f := &finding{}
	return f, json.Unmarshal(out, f)
}
