package live

import (
	"io"
	"os"
	"runtime"

	"golang.org/x/term"
)

// Terminal is what a picture is drawn on.
type Terminal struct {
	out        io.Writer
	look       func() Look
	foreground func() bool
	onResume   func() (resumed <-chan os.Signal, ignore func())
}

// Open returns the terminal behind w, and nil if it is none, or one on which nothing can be
// drawn. TERM and NO_COLOR are looked up in env.
func Open(w io.Writer, env func(string) string) *Terminal {
	name := env("TERM")
	if !IsTerminal(w) || name == "dumb" || name == "" || runtime.GOOS == "windows" {
		return nil
	}
	file := w.(*os.File)
	fd := int(file.Fd())
	color := env("NO_COLOR") == ""
	return &Terminal{
		out: file,
		// Asked for at each picture: that is one system call, and no signal is needed.
		look: func() Look {
			look := Look{Width: 80, Height: 24, Color: color}
			if w, h, err := term.GetSize(fd); err == nil && w > 0 && h > 0 {
				look.Width, look.Height = w, h
			}
			return look
		},
		foreground: func() bool { return foreground(fd) },
		onResume:   onResume,
	}
}

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
