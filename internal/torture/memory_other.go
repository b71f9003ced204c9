//go:build !linux

package torture

func keepsAttributes(string) bool { return false }
