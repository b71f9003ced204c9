package tune

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Report is what a person, or with JSON a program, is told.
type Report struct {
	*Result
	Cores    int   // of this machine
	Memory   int64 // the budget of the buffers
	Upload   Upload
	Bytes    int64
	Requests int64
	Colour   bool
}

// Upload is the block of a config. What is 0 is not set.
type Upload struct {
	PartSizeMB     int      `json:"part_size_mb,omitempty"`
	Concurrency    int      `json:"concurrency,omitempty"`
	MemoryMB       int      `json:"memory_mb,omitempty"`
	RetryMinutes   *float64 `json:"retry_minutes,omitempty"`
	TimeoutSeconds float64  `json:"timeout_seconds,omitempty"`
}

// Recommend puts what was found into the block: nothing where the default is as good.
func (u *Upload) Recommend(r *Result) {
	u.PartSizeMB, u.Concurrency = 0, 0
	if r.Verdict == Better {
		if r.Best.PartSize != Default.PartSize {
			u.PartSizeMB = int(r.Best.PartSize / mebibyte)
		}
		if r.Best.Concurrency != Default.Concurrency {
			u.Concurrency = r.Best.Concurrency
		}
	}
}

// Text writes the report for people.
func (r *Report) Text(w io.Writer) error {
	var b strings.Builder
	r.table(&b)
	r.chart(&b)
	fmt.Fprintf(&b, "\n%s\n", wrap(r.Summary()))
	if limit := r.limits(); limit != "" {
		fmt.Fprintf(&b, "%s\n", wrap(limit))
	}
	if n := r.retries(); n > 0 {
		fmt.Fprintf(&b, "%s\n", wrap(fmt.Sprintf("%d requests had to be made again: the store, or the network, was busy or slows down who sends too much.", n)))
	}
	block, err := json.MarshalIndent(r.Upload, "", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintf(&b, "\n\"upload\": %s\n", block)
	_, err = io.WriteString(w, b.String())
	return err
}

// Summary is the verdict and what to do.
func (r *Report) Summary() string {
	if r.Verdict == Better {
		return "Recommended: " + r.reason() + fmt.Sprintf(" It needs %d MiB of memory, of %d.", r.Best.Memory()/mebibyte, r.Memory/mebibyte)
	}
	return "Recommended: the default. " + r.reason() + " Leave part_size_mb and concurrency out of the config."
}

// limits says what limits, and what could be done.
func (r *Report) limits() string {
	switch r.Limit(r.Cores) {
	case LimitCPU:
		return fmt.Sprintf("What limits: the processor. Uploads alone keep %.1f of %d cores busy.", r.Best.Cores(), r.Cores)
	case LimitNetwork:
		return "What limits: the network, or the store. With twice as many requests at a time, or half, it is hardly another speed."
	case LimitConnections:
		more := Setting{r.Best.PartSize, 2 * r.Best.Concurrency}
		text := "What limits: the connections, each of which has a speed of its own. More at a time may bring more"
		if more.Concurrency > concurrences[len(concurrences)-1] {
			return text + ", but that many is the most there is."
		}
		return text + fmt.Sprintf(", and would need more memory: try --memory-mb %d if the machine has it.", (more.Memory()/mebibyte+31)/32*32)
	case LimitUnknown:
	}
	return ""
}

func (r *Report) retries() (n int64) {
	for _, t := range r.Tried {
		for _, s := range t.Samples {
			n += s.Retries
		}
	}
	return n
}

// table writes the rates by part size and requests at a time.
func (r *Report) table(b *strings.Builder) {
	fmt.Fprintf(b, "MB/s by part size and requests at a time (-: needs more than %d MiB of memory)\n\n  %8s", r.Memory/mebibyte, "")
	for _, n := range concurrences {
		fmt.Fprintf(b, " %7d", n)
	}
	b.WriteByte('\n')
	for _, part := range partSizes {
		fmt.Fprintf(b, "  %8s", strconv.FormatInt(part/mebibyte, 10)+" MiB")
		for _, n := range concurrences {
			text := "-"
			if i := slices.IndexFunc(r.Tried, func(t *Tried) bool { return t.Setting == Setting{part, n} }); i >= 0 && len(r.Tried[i].Samples) > 0 {
				text = fmt.Sprintf("%.0f", r.Tried[i].Rate())
			}
			fmt.Fprintf(b, " %7s", text)
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
}

const (
	barWidth = 34
	columns  = 80 // of a plain terminal
)

// chart draws a bar for each setting: those that were measured to the end, the fastest first,
// and those that were given up before.
func (r *Report) chart(b *strings.Builder) {
	all := slices.DeleteFunc(slices.Clone(r.Tried), func(t *Tried) bool { return len(t.Samples) == 0 })
	slices.SortStableFunc(all, func(x, y *Tried) int {
		if x.Final != y.Final {
			if x.Final {
				return -1
			}
			return 1
		}
		return cmp.Compare(y.Rate(), x.Rate())
	})
	top := 0.0
	for _, t := range all {
		top = max(top, t.Rate())
	}
	for i, t := range all {
		if i > 0 && all[i-1].Final && !t.Final {
			b.WriteString("given up after a short look:\n")
		}
		line := fmt.Sprintf("  %-11s %-*s %5.0f", t.Setting, barWidth, bar(part(t.Rate(), top), barWidth), t.Rate())
		if t.Final {
			line += fmt.Sprintf(" ±%-3.0f", t.Spread()/2)
		}
		line = strings.TrimRight(line+" "+r.role(t), " ")
		if r.Colour && t == r.Best {
			line = "\x1b[32m" + line + "\x1b[0m"
		}
		b.WriteString(line + "\n")
	}
}

// role is what a setting is to the reader.
func (r *Report) role(t *Tried) string {
	var all []string
	if t.Setting == Default {
		all = append(all, "default")
	}
	if t == r.Best {
		all = append(all, "recommended")
	}
	return strings.Join(all, ", ")
}

// bar is a part of the width, to an eighth of a column.
func bar(part float64, width int) string {
	eighths := max(int(part*float64(8*width)+0.5), 1)
	text := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		text += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return text
}

// wrap breaks a text into lines that fit a terminal.
func wrap(text string) string {
	var b strings.Builder
	length := 0
	for word := range strings.FieldsSeq(text) {
		n := len([]rune(word))
		switch {
		case length == 0:
		case length+1+n > columns:
			b.WriteByte('\n')
			length = 0
		default:
			b.WriteByte(' ')
			length++
		}
		b.WriteString(word)
		length += n
	}
	return b.String()
}
