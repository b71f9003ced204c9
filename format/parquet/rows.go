package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	parquet "github.com/parquet-go/parquet-go/format"
)

// CountRows is the number of rows that a file's footer tells.
func CountRows(file []byte) (int64, error) {
	end := len(file) - len(magic) - 4
	if end < len(magic) || string(file[:len(magic)]) != magic || string(file[end+4:]) != magic {
		return 0, errors.New("this is no Parquet file")
	}
	size := int64(binary.LittleEndian.Uint32(file[end:]))
	if size > int64(end-len(magic)) {
		return 0, errors.New("the footer of the Parquet file is longer than the file")
	}
	var meta parquet.FileMetaData
	if err := thrift.Unmarshal(new(thrift.CompactProtocol), file[int64(end)-size:end], &meta); err != nil {
		return 0, fmt.Errorf("reading the footer of the Parquet file: %w", err)
	}
	return meta.NumRows, nil
}
