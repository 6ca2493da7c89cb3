// A program that uses a lab's exec and port-forward as programs made with client-go do.
//
//	streams exec    spdy|websocket POD [-i] [-t] COMMAND…   like kubectl exec; a terminal is 40 by 100
//	streams many    spdy|websocket POD N BYTES              N commands at a time that give back what they are sent
//	streams forward spdy|websocket POD PORT                 what is answered to GET / on the pod's port
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/client-go/util/exec"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(125)
	}
	return value
}

type client struct {
	config    *rest.Config
	rest      rest.Interface
	transport string
	pod       string
}

func newClient(transport, pod string) client {
	config := must(clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG")))
	config.APIPath = "/api"
	config.GroupVersion = &corev1.SchemeGroupVersion
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	return client{config, must(rest.RESTClientFor(config)), transport, pod}
}

func (c client) request(subresource string) *rest.Request {
	return c.rest.Post().Resource("pods").Namespace("default").Name(c.pod).SubResource(subresource)
}

func (c client) executor(options *corev1.PodExecOptions) remotecommand.Executor {
	url := c.request("exec").VersionedParams(options, scheme.ParameterCodec).URL()
	if c.transport == "websocket" {
		return must(remotecommand.NewWebSocketExecutor(c.config, "GET", url.String()))
	}
	return must(remotecommand.NewSPDYExecutor(c.config, "POST", url))
}

// One size, and no other.
type oneSize chan remotecommand.TerminalSize

func (s oneSize) Next() *remotecommand.TerminalSize {
	size, ok := <-s
	if !ok {
		return nil
	}
	return &size
}

func (c client) exec(command []string, stdin io.Reader, tty bool, stdout, stderr io.Writer) error {
	options := &corev1.PodExecOptions{Command: command, Stdin: stdin != nil, Stdout: true, Stderr: !tty, TTY: tty}
	streams := remotecommand.StreamOptions{Stdin: stdin, Stdout: stdout, Tty: tty}
	if tty {
		sizes := make(oneSize, 1)
		sizes <- remotecommand.TerminalSize{Width: 100, Height: 40}
		streams.TerminalSizeQueue = sizes
	} else {
		streams.Stderr = stderr
	}
	return c.executor(options).StreamWithContext(context.Background(), streams)
}

func (c client) execFromArguments(arguments []string) {
	var stdin io.Reader
	tty := false
	for ; arguments[0][0] == '-'; arguments = arguments[1:] {
		if arguments[0] == "-i" {
			stdin = os.Stdin
		} else {
			tty = true
		}
	}
	err := c.exec(arguments, stdin, tty, os.Stdout, os.Stderr)
	var exit exec.CodeExitError
	if errors.As(err, &exit) {
		os.Exit(exit.Code)
	}
	must(0, err)
}

func (c client) many(count, size int) {
	var group sync.WaitGroup
	for i := range count {
		group.Go(func() {
			var out, errs bytes.Buffer
			in := make([]byte, size)
			rand.NewChaCha8([32]byte{byte(i)}).Read(in)
			err := c.exec([]string{"cat"}, bytes.NewReader(in), false, &out, &errs)
			if err != nil || !bytes.Equal(out.Bytes(), in) {
				must(0, fmt.Errorf("session %d: %d bytes %q %w", i, out.Len(), errs.String(), err))
			}
		})
	}
	group.Wait()
	fmt.Println(count)
}

func (c client) dialer() httpstream.Dialer {
	url := c.request("portforward").URL()
	if c.transport == "websocket" {
		return must(portforward.NewSPDYOverWebsocketDialer(url, c.config))
	}
	transport, upgrader, err := spdy.RoundTripperFor(c.config)
	must(0, err)
	return spdy.NewDialer(upgrader, &http.Client{Transport: transport}, "POST", url)
}

func (c client) forward(port string) {
	stop, ready := make(chan struct{}), make(chan struct{})
	forwarder := must(portforward.New(c.dialer(), []string{"0:" + port}, stop, ready, io.Discard, os.Stderr))
	done := make(chan error)
	go func() { done <- forwarder.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-done:
		must(0, err)
	}
	local := must(forwarder.GetPorts())[0].Local
	answer := must(http.Get(fmt.Sprintf("http://127.0.0.1:%d/", local)))
	must(io.Copy(os.Stdout, answer.Body))
	close(stop)
	must(0, <-done)
}

func main() {
	what, arguments := os.Args[1], os.Args[4:]
	c := newClient(os.Args[2], os.Args[3])
	switch what {
	case "exec":
		c.execFromArguments(arguments)
	case "many":
		c.many(must(strconv.Atoi(arguments[0])), must(strconv.Atoi(arguments[1])))
	case "forward":
		c.forward(arguments[0])
	}
}
