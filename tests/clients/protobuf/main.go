// What client-go writes and reads in protobuf.
//
//	protobuf samples SEED COUNT   so many objects filled at random of each kind on stdin (`apps/v1 Deployment`): a line
//	                              each, with its kind, its protobuf (base64) and its JSON between tabs
//	protobuf reread SEED COUNT    the same, of what can be told in JSON: they have been read from there
//	protobuf client               writes, reads and watches with the server of KUBECONFIG; what goes wrong ends it
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"
)

var (
	inProtobuf = protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)
	inJSON     = json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme.Scheme, scheme.Scheme, json.SerializerOptions{})
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func encode(object runtime.Object, as runtime.Encoder) []byte {
	var out bytes.Buffer
	must(0, as.Encode(object, &out))
	return out.Bytes()
}

func eachLine(do func(line string, out io.Writer)) {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			break
		}
		do(strings.TrimSpace(line), out)
	}
	must(0, out.Flush())
}

func sample(line string, out io.Writer, reread bool) {
	apiVersion, kind, _ := strings.Cut(line, " ")
	object := must(scheme.Scheme.New(schema.FromAPIVersionAndKind(apiVersion, kind)))
	fill(object)
	object.GetObjectKind().SetGroupVersionKind(schema.FromAPIVersionAndKind(apiVersion, kind))
	if reread {
		object, _, _ = inJSON.Decode(encode(object, inJSON), nil, nil)
	}
	binary := base64.StdEncoding.EncodeToString(encode(object, inProtobuf))
	fmt.Fprintf(out, "%s\t%s\t%s", line, binary, encode(object, inJSON))
}

func main() {
	must(0, apiextensions.AddToScheme(scheme.Scheme))
	switch os.Args[1] {
	case "samples", "reread":
		seed(must(strconv.ParseInt(os.Args[2], 10, 64)))
		count := must(strconv.Atoi(os.Args[3]))
		eachLine(func(line string, out io.Writer) {
			for range count {
				sample(line, out, os.Args[1] == "reread")
			}
		})
	case "client":
		useServer()
	}
}
