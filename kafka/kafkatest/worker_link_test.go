package kafkatest

import (
	"context"
	"net"
	"sync"
)

// link is the network of one worker. While it is frozen nothing gets through, in either direction,
// and nothing is lost: as for a process that is stopped.
type link struct {
	mu   sync.Mutex
	gate chan struct{} // closed: open
}

func newLink() *link {
	l := &link{gate: make(chan struct{})}
	close(l.gate)
	return l
}

func (l *link) freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.gate:
		l.gate = make(chan struct{})
	default:
	}
}

func (l *link) thaw() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.gate:
	default:
		close(l.gate)
	}
}

// wait returns when the link is open.
func (l *link) wait() {
	l.mu.Lock()
	gate := l.gate
	l.mu.Unlock()
	<-gate
}

func (l *link) dial(ctx context.Context, network, address string) (net.Conn, error) {
	l.wait()
	var d net.Dialer
	c, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &linked{Conn: c, link: l}, nil
}

type linked struct {
	net.Conn
	link *link
}

func (c *linked) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.link.wait()
	return n, err
}

func (c *linked) Write(p []byte) (int, error) {
	c.link.wait()
	return c.Conn.Write(p)
}
