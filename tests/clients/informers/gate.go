package main

import (
	"context"
	"net"
	"sync"
)

// gate stops the reads of its connections while it is closed.
type gate struct {
	mutex  sync.Mutex
	opened *sync.Cond
	closed bool
}

func newGate() *gate {
	g := &gate{}
	g.opened = sync.NewCond(&g.mutex)
	return g
}

func (g *gate) set(closed bool) {
	g.mutex.Lock()
	g.closed = closed
	g.mutex.Unlock()
	g.opened.Broadcast()
}

func (g *gate) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	return gated{conn, g}, err
}

type gated struct {
	net.Conn
	gate *gate
}

func (c gated) Read(to []byte) (int, error) {
	c.gate.mutex.Lock()
	for c.gate.closed {
		c.gate.opened.Wait()
	}
	c.gate.mutex.Unlock()
	return c.Conn.Read(to)
}
