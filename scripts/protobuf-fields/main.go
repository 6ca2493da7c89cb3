// Prints the fields of the messages that Kubernetes' kinds are in protobuf, a message a line, for scripts/protobuf.ts.
// The kinds are given on stdin: `apps/v1 Deployment`. It asks Go's types, whose tags say what the published .proto files
// do not: how a field is called in JSON, when it is left out there, and whether Go tells absent from zero.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"
)

// What has a JSON form of its own; the codec knows them by letter.
var special = map[reflect.Type]string{
	reflect.TypeFor[metav1.Time]():          "t",
	reflect.TypeFor[metav1.MicroTime]():     "u",
	reflect.TypeFor[resource.Quantity]():    "q",
	reflect.TypeFor[intstr.IntOrString]():   "x",
	reflect.TypeFor[runtime.RawExtension](): "r",
	reflect.TypeFor[metav1.FieldsV1]():      "r",
	reflect.TypeFor[apiextensions.JSON]():   "r",
}

type unmarshaler interface{ Unmarshal([]byte) error }

var found = map[reflect.Type]string{}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

// `core/v1.Pod`
func nameOf(t reflect.Type) string {
	parts := strings.Split(t.PkgPath(), "/")
	return strings.Join(parts[len(parts)-2:], "/") + "." + t.Name()
}

func refuse(t reflect.Type) string {
	return must("", fmt.Errorf("%v is not understood", t))
}

func valueOf(t reflect.Type) string {
	if letter, ok := special[t]; ok {
		return letter
	}
	switch t.Kind() {
	case reflect.String:
		return "s"
	case reflect.Bool:
		return "b"
	case reflect.Int32:
		return "i"
	case reflect.Int64:
		return "l"
	case reflect.Float64:
		return "f"
	case reflect.Struct:
		if _, ok := reflect.New(t).Interface().(json.Marshaler); ok && !strings.HasPrefix(t.Name(), "JSONSchemaPropsOr") {
			return refuse(t)
		}
		visit(t)
		return "@" + nameOf(t)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "y"
		}
		// A message around a list, whose absence is told.
		if _, ok := reflect.New(t).Interface().(unmarshaler); ok && t.Elem().Kind() == reflect.String {
			return "w"
		}
	}
	return refuse(t)
}

func typeOf(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Pointer:
		return "*" + valueOf(t.Elem())
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String:
		return "{" + valueOf(t.Elem())
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		if _, wraps := reflect.New(t).Interface().(unmarshaler); !wraps {
			return "[" + valueOf(t.Elem())
		}
	}
	return valueOf(t)
}

func optionOf(options []string) string {
	switch {
	case slices.Contains(options, "omitzero"):
		return "!"
	case slices.Contains(options, "omitempty"):
		return "?"
	}
	return ""
}

// Name, when JSON leaves it out (`?` where it is empty, `!` where it is zero), number, type. What is inlined has no name.
func fieldOf(field reflect.StructField) (int, string) {
	tag := strings.Split(field.Tag.Get("protobuf"), ",")
	if len(tag) < 2 {
		if field.Name != "TypeMeta" {
			fmt.Fprintf(os.Stderr, "%s of %s is not in protobuf\n", field.Name, field.Type)
		}
		return 0, ""
	}
	text, tagged := field.Tag.Lookup("json")
	options := strings.Split(text, ",")
	name, option := options[0], optionOf(options[1:])
	if !tagged {
		for _, part := range tag {
			if after, ok := strings.CutPrefix(part, "name="); ok {
				name, option = after, "?"
			}
		}
	}
	if name == "-" {
		refuse(field.Type)
	}
	number := must(strconv.Atoi(tag[1]))
	return number, fmt.Sprintf("%s%s:%d:%s", name, option, number, typeOf(field.Type))
}

func visit(t reflect.Type) {
	if _, known := found[t]; known {
		return
	}
	found[t] = ""
	fields := map[int]string{}
	for i := range t.NumField() {
		if number, text := fieldOf(t.Field(i)); number != 0 {
			fields[number] = text
		}
	}
	line := nameOf(t)
	for _, number := range slices.Sorted(maps.Keys(fields)) {
		line += " " + fields[number]
	}
	found[t] = line
}

func main() {
	must(0, apiextensions.AddToScheme(scheme.Scheme))
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		apiVersion, kind, _ := strings.Cut(lines.Text(), " ")
		object := must(scheme.Scheme.New(schema.FromAPIVersionAndKind(apiVersion, kind)))
		visit(reflect.TypeOf(object).Elem())
	}
	for _, line := range slices.Sorted(maps.Values(found)) {
		fmt.Println(line)
	}
}
