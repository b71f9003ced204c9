package bench

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Stub is an S3 endpoint that takes every byte and keeps none. It does what an upload needs
// and no more: whole objects, uploads in parts, and the check of the CRC-32 that each body
// comes with. It looks at no signature. With it in the place of a server, what is left to
// measure is our own side of the wire.
type Stub struct {
	Bytes   atomic.Int64
	Objects atomic.Int64
	uploads atomic.Int64
}

// ServeHTTP implements http.Handler.
func (s *Stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case r.Method == http.MethodPut:
		s.body(w, r, query.Has("uploadId"))
	case r.Method == http.MethodPost && query.Has("uploads"):
		answer(w, struct {
			XMLName       xml.Name `xml:"InitiateMultipartUploadResult"`
			Key, UploadId string
		}{Key: key, UploadId: fmt.Sprint(s.uploads.Add(1))})
	case r.Method == http.MethodPost && query.Has("uploadId"):
		s.Objects.Add(1)
		answer(w, struct {
			XMLName   xml.Name `xml:"CompleteMultipartUploadResult"`
			Key, ETag string
		}{Key: key, ETag: etag})
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	default:
		refuse(w, http.StatusNotImplemented, "NotImplemented", r.Method+" "+r.URL.String())
	}
}

const (
	etag      = `"0"`
	sumHeader = "X-Amz-Checksum-Crc32"
)

// body reads and forgets the body of a part or an object.
func (s *Stub) body(w http.ResponseWriter, r *http.Request, part bool) {
	hash := crc32.NewIEEE()
	n, err := io.Copy(hash, r.Body)
	if err != nil || n != r.ContentLength {
		refuse(w, http.StatusBadRequest, "IncompleteBody", "the body is not as long as it says")
		return
	}
	sum := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, hash.Sum32()))
	if r.Header.Get(sumHeader) != sum {
		refuse(w, http.StatusBadRequest, "BadDigest", "the CRC-32 is "+sum)
		return
	}
	s.Bytes.Add(n)
	if !part {
		s.Objects.Add(1)
	}
	w.Header().Set("ETag", etag)
	w.Header().Set(sumHeader, sum)
}

func answer(w http.ResponseWriter, v any) {
	text, err := xml.Marshal(v)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "InternalError", err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	_, _ = w.Write(text) // a client that is gone needs no answer
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	text, _ := xml.Marshal(struct { // of strings alone: nothing can fail
		XMLName       xml.Name `xml:"Error"`
		Code, Message string
	}{Code: code, Message: message})
	_, _ = w.Write(text)
}

// serveStub is the child that is a stub: it prints its URL and serves until in ends.
func serveStub(in io.Reader, out io.Writer) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: &Stub{}, ReadHeaderTimeout: time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	if _, err := fmt.Fprintf(out, "http://%s\n", l.Addr()); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, in)
		ended <- err
	}()
	select {
	case err := <-failed:
		return err
	case err := <-ended:
		_ = server.Close() // nothing is under way
		return err
	}
}
