package s3

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// roots are the documents in which a store says that it has done what was asked.
var roots = map[string]string{
	opList:     "ListBucketResult",
	opUploads:  "ListMultipartUploadsResult",
	opParts:    "ListPartsResult",
	opDeletes:  "DeleteResult",
	opCreate:   "InitiateMultipartUploadResult",
	opComplete: "CompleteMultipartUploadResult",
}

// checkRoot makes the client refuse a good status with another document in it: the login page
// of a proxy, say. The SDK looks for the elements that it knows in any document, so a list of
// objects would be empty, and what should be deleted would count as deleted.
func checkRoot(stack *middleware.Stack) error {
	// Next to the wire: the SDK looks for an <Error>, and leaves nothing of a reply without one.
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("Sluice:checkRoot", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if resp, ok := out.RawResponse.(*smithyhttp.Response); ok && err == nil {
			err = rightRoot(awsmiddleware.GetOperationName(ctx), resp)
		}
		return out, metadata, err
	}), middleware.After)
}

// rightRoot looks at the first element of a reply, and puts back what it has read.
func rightRoot(op string, resp *smithyhttp.Response) error {
	want := roots[op]
	if want == "" || resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil
	}
	var read bytes.Buffer
	root, err := rootOf(io.TeeReader(resp.Body, &read))
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(&read, resp.Body), resp.Body}
	switch {
	case root == want, strings.EqualFold(root, "Error"): // which the SDK reads
		return nil
	case root == "" && errors.Is(err, io.EOF) && op == opDeletes && len(bytes.TrimSpace(read.Bytes())) == 0:
		return nil // it is asked to tell only what it could not delete
	case root == "" && err != nil:
		return &smithy.DeserializationError{Err: fmt.Errorf("looking for a <%s>: %w", want, err)}
	}
	return &smithy.DeserializationError{Err: fmt.Errorf("a <%s> was expected, and a <%s> came", want, root)}
}

// rootOf returns the name of the first element.
func rootOf(r io.Reader) (string, error) {
	for d := xml.NewDecoder(r); ; {
		token, err := d.Token()
		if err != nil {
			return "", err
		}
		if start, ok := token.(xml.StartElement); ok {
			return start.Name.Local, nil
		}
	}
}

// circle notices that a store leads from page to page in a circle. It remembers one page, a
// later one each time that their number has doubled: so it needs no memory for the pages of a
// large bucket, and finds a circle within three rounds.
type circle struct {
	mark         string
	steps, bound int
}

// closed takes where the next page begins.
func (c *circle) closed(next string) bool {
	if next == c.mark {
		return true
	}
	if c.steps == c.bound {
		c.mark, c.steps, c.bound = next, 0, max(2*c.bound, 1)
	}
	c.steps++
	return false
}
