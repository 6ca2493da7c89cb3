// Writes as fast as it is answered, 16 at a time, each a new object of half a kilobyte:
//
//	writes api         ConfigMaps, POSTed to the API server of KUBECONFIG
//	writes etcd URL    the same bytes, put by etcd's own client
//
// For every line on stdin, a number of milliseconds, it writes for so long and answers `WRITES NANOSECONDS`.
package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	etcd "go.etcd.io/etcd/client/v3"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const atATime = 16

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func object(name string) []byte {
	format := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"%s","namespace":"default"},"data":{"text":"%s"}}`
	return fmt.Appendf(nil, format, name, strings.Repeat("x", 400))
}

func toEtcd(url string) func(name string) error {
	client := must(etcd.New(etcd.Config{Endpoints: []string{url}, DialTimeout: 10 * time.Second}))
	return func(name string) error {
		_, err := client.Put(context.Background(), "/registry/configmaps/default/"+name, string(object(name)))
		return err
	}
}

func toAPI() func(name string) error {
	config := must(clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG")))
	client := must(rest.HTTPClientFor(config))
	url := config.Host + "/api/v1/namespaces/default/configmaps"
	return func(name string) error {
		answer, err := client.Post(url, "application/json", bytes.NewReader(object(name)))
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		_, err = io.Copy(io.Discard, answer.Body)
		if err == nil && answer.StatusCode != http.StatusCreated {
			err = fmt.Errorf("%s of %s", answer.Status, name)
		}
		return err
	}
}

func main() {
	write := toAPI
	if os.Args[1] == "etcd" {
		write = func() func(string) error { return toEtcd(os.Args[2]) }
	}
	put := write()
	var written atomic.Int64
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		milliseconds := must(strconv.Atoi(lines.Text()))
		before, start := written.Load(), time.Now()
		end := start.Add(time.Duration(milliseconds) * time.Millisecond)
		var group sync.WaitGroup
		for range atATime {
			group.Go(func() {
				for time.Now().Before(end) {
					must(0, put(fmt.Sprintf("object-%d", written.Add(1))))
				}
			})
		}
		group.Wait()
		fmt.Println(written.Load()-before, time.Since(start).Nanoseconds())
	}
}
