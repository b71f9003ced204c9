package kafka

import (
	"errors"
	"fmt"
)

// ErrRefused is part of each error that says: a worker can't go on without a person who decides.
// Nothing is lost, and nothing was guessed; the error tells what there is to do.
var ErrRefused = errors.New("refused")

// TakenError says that an object of somebody else stands where one of an epoch belongs.
type TakenError struct {
	Partition string
	Key       string
	Reason    string
}

func (e *TakenError) Error() string {
	return fmt.Sprintf("%s: the object %s is there already, and is not what belongs there: %s. "+
		"The group's offset was set back, or its metadata were removed while an epoch was prepared: "+
		"commit the offset behind what the object has (its metadata %s, where it has that, and 1), or remove this partition's objects from this one on to have them written anew",
		e.Partition, e.Key, e.Reason, metaLast)
}

// Unwrap makes it an ErrRefused.
func (e *TakenError) Unwrap() error { return ErrRefused }

// ReplayError says that offsets, read once more, gave other rows than when they were prepared.
type ReplayError struct {
	Partition                    string
	First, Last, Rows, Rejects   int64
	GotLast, GotRows, GotRejects int64
}

func (e *ReplayError) Error() string {
	return fmt.Sprintf("%s: the offsets %d to %d were prepared as %d rows and %d dead letters, and now read as %d and %d, up to %d: the log has lost records of them, or another version of sluice has prepared them. "+
		"Have that version finish them; or look what objects there are from %d on, and commit the offset behind them",
		e.Partition, e.First, e.Last, e.Rows, e.Rejects, e.GotRows, e.GotRejects, e.GotLast, e.First)
}

// Unwrap makes it an ErrRefused.
func (e *ReplayError) Unwrap() error { return ErrRefused }

// ChangedError says that an epoch was prepared under another config or catalog.
type ChangedError struct {
	Partition  string
	First, End int64
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s: the offsets %d to %d were prepared by a worker with another config or catalog (bucket, path, format, columns, metadata_columns, generation_id or kafka.input), and have to be finished with that: "+
		"run a worker with the old ones until these are committed, then change them", e.Partition, e.First, e.End)
}

// Unwrap makes it an ErrRefused.
func (e *ChangedError) Unwrap() error { return ErrRefused }

// LostError says that nobody knows where a partition has to go on: its committed offset is gone, or
// the records behind it are.
type LostError struct {
	Partition string
	Reason    string
	Advice    string
}

func (e *LostError) Error() string {
	return fmt.Sprintf("%s: %s. Nothing is guessed: %s", e.Partition, e.Reason, e.Advice)
}

// Unwrap makes it an ErrRefused.
func (e *LostError) Unwrap() error { return ErrRefused }
