package torture

import "golang.org/x/sys/unix"

// keepsAttributes tells whether files may have extended attributes, which the S3 server needs.
func keepsAttributes(file string) bool {
	return unix.Setxattr(file, "user.sluice", []byte("x"), 0) == nil
}
