package tune

import (
	"encoding/json"
	"io"
)

// JSON writes the report for programs, on one line.
func (r *Report) JSON(w io.Writer) error {
	type setting struct {
		PartSizeMB  int       `json:"part_size_mb"`
		Concurrency int       `json:"concurrency"`
		MemoryMB    int       `json:"memory_mb"`
		Rate        float64   `json:"mb_per_s"` // the median
		Runs        []float64 `json:"runs_mb_per_s"`
		Cores       float64   `json:"cores"`
		Retries     int64     `json:"retries"`
	}
	describe := func(t *Tried) setting {
		s := setting{
			PartSizeMB: int(t.PartSize / mebibyte), Concurrency: t.Concurrency, MemoryMB: int(t.Memory() / mebibyte),
			Rate: t.Rate(), Cores: t.Cores(), Runs: []float64{},
		}
		for _, sample := range t.Samples {
			s.Runs = append(s.Runs, sample.Rate)
			s.Retries += sample.Retries
		}
		return s
	}
	out := struct {
		Verdict  Verdict   `json:"verdict"`
		Reason   string    `json:"reason"`
		Best     setting   `json:"recommended"`
		Default  setting   `json:"default"`
		Gain     float64   `json:"gain"`
		Noise    float64   `json:"noise"`
		Limit    Limit     `json:"limit"`
		Upload   Upload    `json:"upload"`
		Settings []setting `json:"settings"`
		MemoryMB int       `json:"memory_mb"`
		Bytes    int64     `json:"bytes_sent"`
		Requests int64     `json:"requests"`
	}{
		r.Verdict, r.reason(), describe(r.Best), describe(r.Default()), r.Gain(), r.Noise(), r.Limit(r.Cores), r.Upload, nil,
		int(r.Memory / mebibyte), r.Bytes, r.Requests,
	}
	for _, t := range r.Tried {
		if len(t.Samples) > 0 {
			out.Settings = append(out.Settings, describe(t))
		}
	}
	return json.NewEncoder(w).Encode(out)
}
